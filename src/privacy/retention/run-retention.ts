import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import { examineClock, readClockLead } from '../../database/clock.ts'
import type { Queryable } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { eraseOrdered } from '../../records/change/erase-ordered.ts'
import { type ErasureOrder, orderErasures } from '../../records/change/order-erasures.ts'
import type { RecordDeps } from '../../records/dependencies.ts'
import type { StoredRecord } from '../../records/record/record.ts'
import { openDisplay } from '../../records/record/sealed-record.ts'
import { kindNameOf, parseToken } from '../../records/record/token.ts'
import { Problem } from '../../values/problem.ts'
import {
  dueOf,
  isEnabled,
  type PlanRetentionDeps,
  planRetention,
  type RetentionPlan,
  RetentionRefused,
} from './plan-retention.ts'
import { findPlace, walkDue } from './retention-store.ts'
import { cutoffOf, ruleOf } from './rules.ts'

export interface RunRetentionDeps
  extends PlanRetentionDeps,
    Pick<RecordDeps, 'database' | 'erasures' | 'keys' | 'newAuditEvent' | 'now'> {}

export interface RetentionControl {
  onProgress: (progress: { moved: number; total: number; remaining: number }) => void
  signal: AbortSignal
  /** Whether the run is an event also when nothing was erased. */
  isAsked: boolean
}

export interface RetentionRun {
  erased: number
  /** Records that a hold keeps. */
  held: number
  /** Records that are due under rules that no operator has enabled. */
  not_enabled: number
}

/** How many records are erased in a transaction. */
const AT_A_TIME = 100

/**
 * Erases what no notified purpose needs any longer, as far as an operator has enabled it. What a hold keeps stays. Each
 * record is looked at again under its lock, so that a consent or a hold of this moment counts.
 *
 * @throws {RetentionRefused}
 * @throws {Problem} sealed, audit-unavailable, database-unavailable
 */
export async function runRetention(
  deps: RunRetentionDeps,
  by: AuditCaller,
  { onProgress, signal, isAsked }: RetentionControl,
): Promise<RetentionRun> {
  const { database, newAuditEvent, now } = deps
  await requireClock(database)
  const plan = await planRetention(deps)
  const enabled = plan.classes.filter((one) => one.isEnabled)
  const run: RetentionRun = {
    erased: 0,
    held: 0,
    not_enabled: sum(plan.classes.filter((one) => !one.isEnabled).map(({ due }) => due)),
  }
  const total = sum(enabled.map(({ due }) => due))
  let { policies, state } = plan
  const order: ErasureOrder = {
    by,
    reason: 'retention',
    isDue: (record) => isDue(deps, { policies, state }, record),
  }
  const due = enabled.map((one) => dueOf(one, now()))
  let looked = 0
  for await (const records of walkDue(database, due, AT_A_TIME)) {
    if (signal.aborted) break
    await requireClock(database)
    // An operator may stop it, or adopt another version, at any time.
    policies = await deps.policies.at(undefined)
    state = await deps.ledger.stateIn(database)
    const ordered = await orderErasures(deps, records, order)
    const { erased, postponed } = await eraseOrdered(deps, ordered.free, order)
    run.erased += erased.length
    run.held += ordered.held.length + postponed.length
    looked += records.length
    onProgress({ moved: looked, total: Math.max(total, looked), remaining: Math.max(0, total - looked) })
  }
  if (isAsked || run.erased > 0) {
    const facts = { type: 'retention.run', outcome: 'success', caller: by, subject: `retention:${plan.plan}` } as const
    await insertEvents(database, [newAuditEvent({ ...facts, count: run.erased })])
  }
  return run
}

/** What was erased by a wrong clock does not come back. @throws {RetentionRefused} */
async function requireClock(database: Queryable): Promise<void> {
  const [fault] = examineClock(await readClockLead(database))
  if (fault !== undefined) throw new RetentionRefused(`nothing is erased by time: ${fault.detail}`)
}

/**
 * Whether a record as it is now, under its lock, is past its time by rules that are enabled. The seals are bound to the consents, the
 * version and the time that say so: a row that was changed outside the vault is an alert, and stays for a person to look into it.
 */
async function isDue(
  { keys, now }: Pick<RunRetentionDeps, 'keys' | 'now'>,
  { policies, state }: Pick<RetentionPlan, 'policies' | 'state'>,
  record: StoredRecord,
): Promise<boolean> {
  if (policies.distrusted) return false
  const rule = ruleOf(policies, record)
  if (rule === undefined || !isEnabled(policies, state, rule.scope)) return false
  return record.createdAt <= cutoffOf(rule, now()) && (await isIntact(keys, record))
}

async function isIntact(keys: Pick<Keys, 'open'>, record: StoredRecord): Promise<boolean> {
  try {
    await openDisplay(keys, record)
    return true
  } catch (error) {
    if (error instanceof Problem && error.code === 'record-integrity') return false
    throw error
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)

/** Erases one record if it is past its time by rules that are enabled; answers with whether it is gone by that. */
export async function eraseIfDue(deps: RunRetentionDeps, by: AuditCaller, token: string): Promise<boolean> {
  const parsed = parseToken(token)
  const place = parsed && (await findPlace(deps.database, parsed, kindNameOf(parsed)))
  if (place === undefined) return false
  const policies = await deps.policies.at(undefined)
  const state = await deps.ledger.stateIn(deps.database)
  const order: ErasureOrder = {
    by,
    reason: 'retention',
    isDue: (record) => isDue(deps, { policies, state }, record),
  }
  const { free } = await orderErasures(deps, [place], order)
  return (await eraseOrdered(deps, free, order)).erased.length > 0
}
