import { setTimeout as wait } from 'node:timers/promises'
import { ConfigError } from '../config.ts'
import type { Database } from '../database/database.ts'
import { DatabaseError } from '../database/database-error.ts'
import type { AuditCaller, NewAuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'
import {
  dropOldEvents,
  freezePartition,
  inspectOldEvents,
  type OldPartition,
  ownsLog,
  selectOldPartitions,
  selectRanges,
} from './partition-store.ts'

/** PCI DSS 10.5.1: audit logs are kept for twelve months at least. */
export const MIN_MONTHS_KEPT = 12

/** SQLSTATE lock_not_available. */
const LOCKED = '55P03'
const ATTEMPTS = 10
const PAUSE_MS = 500

/** The events must stay for now; the message says why. */
export class NotDroppable extends Error {
  override readonly name = 'NotDroppable'
}

export interface DropEventsDeps {
  /** As the role that owns the schema. */
  database: Database
  newAuditEvent: NewAuditEvent
  now: () => Date
}

export interface DropEventsRequest {
  olderThanMonths: number
  /** Whether only to say what would be dropped. */
  isDryRun: boolean
}

export interface DroppedPartition {
  partition: string
  events: number
  /** Their places in the log, as `first-last`. */
  ranges: readonly string[]
  /** The event that says so, the first of several when there are many ranges; none when nothing was dropped. */
  event: string | null
}

export interface DroppedEvents {
  /** Everything that was dropped is older, RFC 3339. */
  until: string
  dropped: readonly DroppedPartition[]
}

/**
 * Drops whole months of events that are older than so many months, each with an event that says which places of the log
 * are empty now. Their leaves stay, so that the log still verifies. Nothing goes that the latest checkpoint does not cover
 * or that is not what it was.
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
  for (const partition of await selectOldPartitions(database, before)) {
    const one = await (isDryRun
      ? examine(database, partition, before)
      : patiently(() => dropPartition(deps, operator, partition, before)))
    if (one.events > 0 || !partition.isShared) dropped.push(one)
  }
  return { until: before.toISOString(), dropped }
}

/** The beginning of the month so many months ago, in UTC. */
export function monthsBefore(now: Date, months: number): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1))
}

function dropPartition(
  { database, newAuditEvent }: DropEventsDeps,
  operator: AuditCaller,
  partition: OldPartition,
  before: Date,
): Promise<DroppedPartition> {
  return database.transaction(async (tx) => {
    await freezePartition(tx, partition)
    const found = await examine(tx, partition, before)
    if (partition.isShared && found.events === 0) return found
    const facts = {
      outcome: 'success',
      caller: operator,
      subject: partition.name,
      until: before.toISOString(),
    } as const
    const events = chunksOf(found.ranges).map((ranges) =>
      newAuditEvent({
        ...facts,
        type: 'audit.drop',
        count: ranges.reduce((sum, range) => sum + widthOf(range), 0),
        ranges,
      }),
    )
    await insertEvents(tx, events)
    // Last, since from here to the commit everybody waits who writes or reads events.
    await dropOldEvents(tx, partition, before)
    return { ...found, event: events[0]?.id ?? null }
  })
}

/** An entry of a bundle has 65,535 bytes at the most (C2SP tlog-tiles), and a range some thirty. */
const MOST_RANGES = 1_000

/** At least one: a month without events was dropped too. */
function chunksOf(ranges: readonly string[]): (readonly string[])[] {
  const count = Math.max(1, Math.ceil(ranges.length / MOST_RANGES))
  return Array.from({ length: count }, (_, at) => ranges.slice(at * MOST_RANGES, (at + 1) * MOST_RANGES))
}

function widthOf(range: string): number {
  const [from = 0, to = from] = range.split('-').map(Number)
  return to - from + 1
}

/** @throws {NotDroppable} */
async function examine(db: Pick<Database, 'query'>, partition: OldPartition, before: Date): Promise<DroppedPartition> {
  const { events, placed, intact } = await inspectOldEvents(db, partition, before)
  const { name } = partition
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
  return { partition: name, events, ranges: await selectRanges(db, partition, before), event: null }
}

/** Somebody may be reading what is to go; nobody who writes events waits for that. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof DatabaseError && error.sqlState === LOCKED)) throw error
      if (attempt === ATTEMPTS) throw new NotDroppable('somebody is reading the audit log: try again later.')
      await wait(PAUSE_MS)
    }
  }
}
