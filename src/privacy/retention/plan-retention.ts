import type { AccessLedger } from '../../access/ledger/access-ledger.ts'
import type { AccessState } from '../../access/ledger/ledger-chain.ts'
import { retentionSubject } from '../../access/ledger/ledger-subject.ts'
import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database, Queryable } from '../../database/database.ts'
import type { CurrentPolicies } from '../../policies/current-policies.ts'
import type { PolicySet } from '../../policies/policy.ts'
import { VaultError } from '../../values/vault-error.ts'
import { countDue, type Due, selectClasses } from './retention-store.ts'
import { cutoffOf, planOf, type RecordClass, type Rule, ruleOf, scopesOf } from './rules.ts'

/** Nothing can be erased by the policies now; the message says why. */
export class RetentionRefused extends VaultError {
  override readonly name = 'RetentionRefused'
}

export interface PlanRetentionDeps {
  database: Database
  ledger: Pick<AccessLedger, 'stateIn'>
  policies: Pick<CurrentPolicies, 'at'>
  now: () => Date
}

/** Live records of one class. */
export interface PlannedClass {
  of: RecordClass
  rule: Rule
  /** How many are past their time. */
  due: number
  /** Whether an operator has enabled the erasure of such records. */
  isEnabled: boolean
}

/** What the policies say of the records that are there. */
export interface RetentionPlan {
  /** Names the rules; `retention enable` takes it. */
  plan: string
  /** The classes with records that are due. */
  classes: readonly PlannedClass[]
  /** How many classes no policy says anything of. */
  without_rule: number
  policies: PolicySet
  state: AccessState
}

/**
 * Compares the records with the policies. Changes nothing.
 *
 * @param lateMs how long past its time a record must be to count
 * @throws {RetentionRefused} when the policies were changed outside the vault
 * @throws {Problem} sealed, database-unavailable
 */
export async function planRetention(
  { database, ledger, policies: current, now }: PlanRetentionDeps,
  lateMs = 0,
): Promise<RetentionPlan> {
  const policies = await current.at(undefined)
  if (policies.distrusted) {
    throw new RetentionRefused('the privacy policies were changed outside the vault: nothing is erased by them.')
  }
  const state = await ledger.stateIn(database)
  const { ruled, counts, withoutRule } = await countByClass(database, policies, new Date(now().getTime() - lateMs))
  const classes = ruled
    .map(({ of, rule }, index) => ({
      of,
      rule,
      due: counts[index]!,
      isEnabled: isEnabled(policies, state, rule.scope),
    }))
    .filter(({ due }) => due > 0)
  return { plan: planOf(policies), classes, without_rule: withoutRule, policies, state }
}

/** By class of records that a policy says something of, how many were due at that time. */
export async function countByClass(database: Queryable, policies: PolicySet, at: Date) {
  const all = await selectClasses(database)
  const ruled = all.flatMap((of) => {
    const rule = ruleOf(policies, of)
    return rule === undefined ? [] : [{ of, rule }]
  })
  const counts = await countDue(
    database,
    ruled.map((one) => dueOf(one, at)),
  )
  return { ruled, counts, withoutRule: all.length - ruled.length }
}

export function dueOf({ of, rule }: Pick<PlannedClass, 'of' | 'rule'>, at: Date): Due {
  return { of, until: cutoffOf(rule, at) }
}

export function isEnabled(policies: PolicySet, state: AccessState, scope: string): boolean {
  const wanted = scopesOf(policies).get(scope)
  return wanted !== undefined && state.get(retentionSubject(scope)) === wanted
}

/** That an operator has seen what would be erased. @throws {Problem} audit-unavailable, sealed */
export async function recordDryRun(
  { database, newAuditEvent }: { database: Database; newAuditEvent: NewAuditEvent },
  operator: AuditCaller,
  { plan, classes }: Pick<RetentionPlan, 'plan' | 'classes'>,
): Promise<void> {
  const count = classes.reduce((total, { due }) => total + due, 0)
  const facts = { type: 'retention.run', outcome: 'success', caller: operator, subject: `retention:${plan}` } as const
  await insertEvents(database, [newAuditEvent({ ...facts, count, note: 'dry run' })])
}
