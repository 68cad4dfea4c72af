import type { Queryable } from '../../database/database.ts'
import { eventIdOf } from '../event/event-id.ts'
import { EVENT_ROW, type EventRow, spellEvents } from '../event/event-row-store.ts'
import { type EventFilter, eventConditions } from '../reading/event-filter-store.ts'

/** An event at its place in the log. */
export interface LogEntry {
  sequence: number
  /** The event in its canonical form. */
  body: string
  /** The event differs from its hash or from its columns. Only verifiers get it. */
  isChanged?: true
}

/** The row of an event at its place in the log, before it is believed. */
export interface EntryRow extends EventRow {
  sequence: number
}

/** Leaves from the first sequence number up to, and without, the second. */
export interface LogRange {
  from: number
  to: number
}

/** What is left of a dropped event: the hash of its leaf, which is still part of the tree. */
export interface DroppedLeaf {
  sequence: number
  /** The id of the event, which says when it was made. */
  event: string
  hash: Buffer
}

export interface LogPage {
  entries: EntryRow[]
  /** For the whole log only: with a filter it is unknown which of the dropped events would match. */
  dropped: DroppedLeaf[]
  /** Where the next page begins. */
  next: number
}

const PAGE_LEAVES = 1_000

/**
 * A page of the log in its order: a stretch of leaves, and those of their events that are wanted. Few records have few
 * events, which their own index finds; everything else is read leaf by leaf, so that no page sorts more than itself.
 */
export async function selectLogPage(db: Queryable, { from, to }: LogRange, filter: EventFilter): Promise<LogPage> {
  const { name, sql, values } = eventConditions(filter, 4)
  const isOfRecords = filter.token !== undefined || filter.tokens !== undefined
  const statement = isOfRecords
    ? {
        name: `select-log-page-of-records${name}`,
        text: `SELECT p.sequence::float8 AS sequence, p.event, NULL AS hash, ${EVENT_ROW}
               FROM (SELECT * FROM audit_events WHERE true${sql} OFFSET 0) AS e JOIN audit_leaves p ON p.event = e.id
               WHERE p.sequence >= $1 AND p.sequence < $2 ORDER BY p.sequence LIMIT $3`,
      }
    : {
        name: `select-log-page${name}`,
        text: `SELECT p.sequence::float8 AS sequence, p.event, p.hash, ${EVENT_ROW}
               FROM (SELECT sequence, event, hash FROM audit_leaves WHERE sequence >= $1 AND sequence < $2
                     ORDER BY sequence LIMIT $3) AS p
               LEFT JOIN LATERAL (SELECT * FROM audit_events WHERE id = p.event${sql} OFFSET 0) AS e ON true
               ORDER BY p.sequence`,
      }
  const found = await db.query<PageRow>(statement, [from, to, PAGE_LEAVES, ...values])
  const rows = await spellEvents<PageRow>(db, found)
  return {
    entries: rows.filter((row) => row.body !== null),
    dropped:
      sql === ''
        ? rows.flatMap(({ sequence, event, hash, body }) =>
            body === null ? [{ sequence, event: eventIdOf(event), hash }] : [],
          )
        : [],
    next: rows.length < PAGE_LEAVES ? to : rows.at(-1)!.sequence + 1,
  }
}

/** The columns of the event are null where it is not there, or not wanted. */
type PageRow = EntryRow & DroppedLeaf

/** The sum keeps the planner from walking along the log until it meets the first leaf of that time. */
const SELECT_RANGE = {
  name: 'select-log-range',
  text: `SELECT min(sequence + 0)::float8 AS "from", max(sequence + 1)::float8 AS "to" FROM audit_leaves
         WHERE event >= $1 AND event < $2`,
  timeoutMs: 10 * 60 * 1000,
}

/** The stretch of the log with all events of a time. Events are not always in the order of time. */
export async function selectLogRange(
  db: Queryable,
  { since, until }: Pick<EventFilter, 'since' | 'until'>,
): Promise<LogRange> {
  if (since === undefined && until === undefined) return { from: 0, to: Number.MAX_SAFE_INTEGER }
  const { values } = eventConditions({ since: since ?? new Date(0), until: until ?? END_OF_TIME }, 1)
  const [range] = await db.query<{ from: number | null; to: number | null }>(SELECT_RANGE, values)
  return { from: range?.from ?? 0, to: range?.to ?? 0 }
}

const END_OF_TIME = new Date(8.64e15)

const COUNT_WAITING = {
  name: 'count-unsequenced-events',
  text: `SELECT count(*)::float8 AS count FROM audit_events e
         WHERE position >= coalesce((SELECT next_position FROM audit_head), 0)
           AND NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event = e.id)`,
}

/** How many committed events have no place in the log yet. */
export async function countWaiting(db: Queryable): Promise<number> {
  return (await db.query<{ count: number }>(COUNT_WAITING))[0]?.count ?? 0
}
