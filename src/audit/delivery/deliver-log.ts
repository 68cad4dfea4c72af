import { setTimeout as wait } from 'node:timers/promises'
import type { Database } from '../../database/database.ts'
import type { AuditCaller, AuditFacts, NewAuditEvent } from '../event/audit-event.ts'
import type { WriteAuditEvent } from '../event/write-audit-event.ts'
import type { EventAuthenticity } from '../log/event-authenticity.ts'
import { selectHead } from '../log/log-store.ts'
import type { EventFilter } from '../reading/event-filter-store.ts'
import {
  countWaiting,
  type DroppedLeaf,
  type EntryRow,
  type LogEntry,
  selectLogPage,
  selectLogRange,
} from './log-page-store.ts'
import { type DeliveredCheckpoint, selectProof } from './proof-store.ts'

export interface LogDelivery {
  /** What the reader does, for the event that says so. */
  what: 'export' | 'tail'
  filter: EventFilter
  /** The sequence number to begin with, or how many of the latest. */
  from: number | { latest: number }
  /** Whether to continue with new events until the signal comes. */
  follow: boolean
  signal: AbortSignal
  /**
   * Hands a page over; the next one is read when it is done. `next` is where to continue. `dropped` are places of the
   * whole log whose events were dropped. `checkpoints` belong to the whole log too: each follows its last leaf, and the
   * last one proves what was delivered. A delivery of the whole log includes a changed event as it is, for verifiers;
   * any other leaves it out. Each is an alert.
   */
  deliver(
    entries: readonly LogEntry[],
    next: number,
    dropped: readonly DroppedLeaf[],
    checkpoints: readonly DeliveredCheckpoint[],
  ): Promise<void>
}

export interface Delivered {
  count: number
  /** Where to continue. */
  next: number
  /** How many committed events have no place in the log yet, and were left out. */
  waiting: number
}

const LOOK_EVERY_MS = 500
const RECORD_EVERY_MS = 60 * 60 * 1000

/**
 * Delivers the log in its order as far as a checkpoint covers it. Reading it is an event (PCI DSS 10.2.1.3): one has committed
 * before anything is delivered, and another says at the end how much it was; of a reader that follows, every hour.
 *
 * @throws {Problem} audit-unavailable, and then nothing more is delivered
 */
export async function deliverLog(
  deps: {
    database: Database
    newAuditEvent: NewAuditEvent
    now: () => Date
    writeAuditEvent: WriteAuditEvent
    authenticity: EventAuthenticity
  },
  caller: AuditCaller,
  { what, filter, from, follow, signal, deliver }: LogDelivery,
): Promise<Delivered> {
  const { authenticity, database, now } = deps
  const record = (facts: Pick<AuditFacts, 'outcome' | 'count'>) =>
    deps.writeAuditEvent(deps.newAuditEvent({ type: 'audit.read', subject: what, caller, site: filter.site, ...facts }))
  const sizeOf = async () => (await selectHead(database))?.size ?? 0

  await record({ outcome: 'success' })
  const head = await selectHead(database)
  let size = head?.size ?? 0
  // Nothing proves that a part of the events is complete.
  const isWhole = what === 'export' && Object.values(filter).every((value) => value === undefined)
  const proof = isWhole && head !== undefined && size > 0 ? await selectProof(database, head) : []
  let next = typeof from === 'number' ? from : Math.max(0, size - from.latest)
  let count = 0
  let recorded = { count: 0, at: now().getTime() }

  /** A changed event is evidence when the whole log leaves the vault. Every other delivery leaves it out. */
  async function toEntries(rows: readonly EntryRow[]): Promise<LogEntry[]> {
    const authentic = new Set(await authenticity.pick(rows, database))
    return rows.flatMap((row): LogEntry[] => {
      const { sequence, body } = row
      if (authentic.has(row)) return [{ sequence, body }]
      return isWhole ? [{ sequence, body, isChanged: true }] : []
    })
  }

  async function deliverUpTo(end: number): Promise<void> {
    while (next < end && !signal.aborted) {
      const page = await selectLogPage(database, { from: next, to: end }, filter)
      const checkpoints = proof.filter((one) => next < one.size && one.size <= page.next)
      const entries = await toEntries(page.entries)
      await deliver(entries, page.next, page.dropped, checkpoints)
      next = page.next
      count += entries.length
    }
  }

  async function followOn(): Promise<void> {
    while (!signal.aborted) {
      size = await sizeOf()
      await deliverUpTo(size)
      if (now().getTime() - recorded.at >= RECORD_EVERY_MS) {
        await record({ outcome: 'success', count: count - recorded.count })
        recorded = { count, at: now().getTime() }
      }
      await wait(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})
    }
  }

  try {
    const range = await selectLogRange(database, filter)
    next = Math.max(next, Math.min(range.from, size))
    await deliverUpTo(Math.min(range.to, size))
    if (follow) await followOn()
  } catch (error) {
    // The reading of events that were delivered before is logged in any case. If that fails too, the first reason is
    // reported.
    await record({ outcome: 'failed', count: count - recorded.count }).catch(() => {})
    throw error
  }
  await record({ outcome: 'success', count: count - recorded.count })
  return { count, next, waiting: await countWaiting(database) }
}
