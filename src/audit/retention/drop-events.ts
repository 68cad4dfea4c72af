import { setTimeout as wait } from 'node:timers/promises'
import { ConfigError } from '../../config/config.ts'
import type { Database, Queryable } from '../../database/database.ts'
import { isLockTimeout } from '../../database/database-error.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { AuditCaller, NewAuditEvent } from '../event/audit-event.ts'
import { insertEvents } from '../event/audit-store.ts'
import { minimumIndexOf } from '../formats/tile.ts'
import { announceKey } from '../log/announce-key.ts'
import { type DroppedRange, findDrops } from '../log/find-drops.ts'
import { selectHead } from '../log/log-store.ts'
import type { Settlements } from '../witness/settlements.ts'
import { MIN_MONTHS_KEPT, monthsBefore } from './months.ts'
import {
  deleteOldEvents,
  dropMonth,
  findFirstYounger,
  freezePartitions,
  inspectOldEvents,
  type OldPartition,
  ownsLog,
  selectAnnouncements,
  selectMissing,
  selectOldPartitions,
  selectStragglers,
} from './partition-store.ts'

const ATTEMPTS = 10
const PAUSE_MS = 500
/** How many old events may follow a younger one, because transactions overtake each other at the end of a month. */
const MOST_STRAGGLERS = 1_000

/** The events must stay for now; the message says why. */
class NotDroppable extends VaultError {
  override readonly name = 'NotDroppable'
}

export interface DropEventsDeps {
  /** As the role that owns the schema. */
  database: Database
  newAuditEvent: NewAuditEvent
  now: () => Date
  settlements: Pick<Settlements, 'carryOver'>
}

export interface DropEventsRequest {
  olderThanMonths: number
  /** Whether only to say what would be dropped. */
  isDryRun: boolean
}

interface DroppedPartition {
  partition: string
  events: number
  /** The places of the log that are empty then, as `first-last`: they are its beginning. */
  ranges: readonly string[]
  /** The event that says so; none when nothing was dropped. */
  event: string | null
}

export interface DroppedEvents {
  /** Everything that was dropped is older, RFC 3339. */
  until: string
  /** The first entry that bundles still publish (C2SP tlog-tiles). */
  minimum_index: number
  dropped: readonly DroppedPartition[]
}

/** Everything older than a time goes at once: one month, or what is left in the partition for everything else. */
interface Step {
  until: Date
  month: OldPartition | undefined
  /** Older months, which are gone by then except in a dry run. */
  older: readonly OldPartition[]
  rest: OldPartition | undefined
}

/**
 * Drops whole months of events that are older than a number of months, from the beginning of the log, each month with
 * an event that says which places of the log are empty now. Their leaves stay, so that the log still verifies. Events
 * stay if the latest checkpoint does not cover them, if they were changed, or if an earlier event is missing.
 *
 * @throws {NotDroppable}
 * @throws {ConfigError} when the role does not own the log
 */
export async function dropEvents(
  deps: DropEventsDeps,
  operator: AuditCaller,
  { olderThanMonths, isDryRun }: DropEventsRequest,
): Promise<DroppedEvents> {
  const { database, now } = deps
  if (olderThanMonths < MIN_MONTHS_KEPT)
    throw new NotDroppable(`events are kept for ${MIN_MONTHS_KEPT} months at least.`)
  if (!(await ownsLog(database)))
    throw new ConfigError('DATABASE_OWNER_URL must name the role that owns the audit log.')
  const before = monthsBefore(now(), olderThanMonths)
  const dropped: DroppedPartition[] = []
  let { firstKept } = await findDrops(database)
  let minimum_index = minimumIndexOf(firstKept, await sizeOf(database))
  for (const step of stepsOf(await selectOldPartitions(database, before), before)) {
    const plan = isDryRun
      ? await examine(database, step, [...step.older, ...partitionsOf(step)], firstKept)
      : await patiently(() => drop(deps, operator, step, firstKept))
    firstKept = plan.firstKept
    // A step without an event has seen a log that has grown since the last event.
    if (plan.events === 0 && step.month === undefined) continue
    minimum_index = plan.minimumIndex
    dropped.push(describe(step, plan))
  }
  return { until: before.toISOString(), minimum_index, dropped }
}

function stepsOf(partitions: readonly OldPartition[], before: Date): Step[] {
  const rest = partitions.find(({ end }) => end === null)
  const months = partitions.filter(({ end }) => end !== null)
  const steps = months.map((month, at): Step => {
    return { until: month.end!, month, older: months.slice(0, at), rest }
  })
  return rest === undefined ? steps : [...steps, { until: before, month: undefined, older: months, rest }]
}

/** What one step takes. */
interface Plan {
  events: number
  /** The first leaf whose event stays. */
  firstKept: number
  minimumIndex: number
  event: string | null
}

function describe({ month, rest }: Step, { events, firstKept, event }: Plan): DroppedPartition {
  const { name } = (month ?? rest)!
  return { partition: name, events, ranges: rangesBefore(firstKept), event }
}

const rangesBefore = (firstKept: number) => (firstKept === 0 ? [] : [`0-${firstKept - 1}`])

const partitionsOf = ({ month, rest }: Step) => [month, rest].filter((one) => one !== undefined)

function drop(
  { database, newAuditEvent, settlements }: DropEventsDeps,
  operator: AuditCaller,
  step: Step,
  from: number,
): Promise<Plan> {
  const { month, rest, until } = step
  return database.transaction(async (tx) => {
    await freezePartitions(tx, partitionsOf(step))
    const plan = await examine(tx, step, partitionsOf(step), from)
    if (month === undefined && plan.events === 0) return plan
    const { events, firstKept, minimumIndex } = plan
    const kept = month === undefined ? [] : await selectStragglers(tx, month, firstKept)
    const announced = await selectAnnouncements(tx, from, firstKept)
    const event = newAuditEvent({
      type: 'audit.drop',
      outcome: 'success',
      caller: operator,
      subject: (month ?? rest)!.name,
      until: until.toISOString(),
      count: events,
      ranges: rangesBefore(firstKept),
      minimum_index: minimumIndex,
    })
    await insertEvents(tx, [event])
    await settlements.carryOver(tx, newAuditEvent, operator, (sequence) => sequence < firstKept)
    if (rest !== undefined) await deleteOldEvents(tx, rest, until, firstKept)
    // Last, since all readers and writers of events wait from here to the commit.
    if (month !== undefined) await dropMonth(tx, month, kept)
    // A verifier who knows only a later key still needs the checkpoints of these keys.
    for (const key of announced) await announceKey(tx, newAuditEvent, key)
    return { ...plan, event: event.id }
  })
}

async function sizeOf(db: Queryable): Promise<number> {
  return (await selectHead(db))?.size ?? 0
}

/** @throws {NotDroppable} */
async function examine(
  db: Queryable,
  { month, rest, until }: Step,
  partitions: readonly OldPartition[],
  from: number,
): Promise<Plan> {
  const { name } = (month ?? rest)!
  const firstKept = await findFirstYounger(db, from, until)
  const places = { from, to: firstKept }
  const { events, placed, intact, leading, trailing } = await inspectOldEvents(db, partitions, until, places)
  if (placed < events) {
    throw new NotDroppable(
      `${events - placed} events of ${name} are not covered by the latest checkpoint: let a server keep the log first.`,
    )
  }
  if (intact < events) {
    throw new NotDroppable(
      `${events - intact} events of ${name} are not what they were when they came into the log: run "strongroom audit verify", and keep them as evidence.`,
    )
  }
  if (trailing > MOST_STRAGGLERS) {
    throw new NotDroppable(
      `${trailing} events of ${name} stand in the log behind leaf ${firstKept}, which is younger: events are dropped from the beginning of the log on.`,
    )
  }
  await requireNothingMissing(db, from, firstKept)
  return { events: leading, firstKept, minimumIndex: minimumIndexOf(firstKept, await sizeOf(db)), event: null }
}

/** Removed events are evidence, and must not look dropped. @throws {NotDroppable} */
async function requireNothingMissing(db: Queryable, from: number, firstKept: number): Promise<void> {
  const missing = await selectMissing(db, from, firstKept)
  if (missing.length === 0) return
  const { scattered, waiting } = await findDrops(db)
  const removed = missing.filter((range) => !isCovered(range, scattered))
  if (removed.length === 0) return
  if (waiting > 0)
    throw new NotDroppable('an audit.drop event waits for its place in the log: let a server keep it first.')
  const places = removed
    .slice(0, 5)
    .map((range) => (range.from === range.to ? range.from : `${range.from}-${range.to}`))
  throw new NotDroppable(
    `the events of the leaves ${places.join(', ')} are not there, and were never dropped: run "strongroom audit verify".`,
  )
}

function isCovered(range: DroppedRange, drops: readonly DroppedRange[]): boolean {
  for (let at = range.from; at <= range.to; ) {
    const drop = drops.find(({ from, to }) => from <= at && at <= to)
    if (drop === undefined) return false
    at = drop.to + 1
  }
  return true
}

/** A reader may hold these partitions; writers of events do not wait for that. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isLockTimeout(error)) throw error
      if (attempt === ATTEMPTS) throw new NotDroppable('the audit log is being read: try again later.')
      await wait(PAUSE_MS)
    }
  }
}
