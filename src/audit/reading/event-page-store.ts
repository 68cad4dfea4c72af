import type { Queryable, Statement } from '../../database/database.ts'
import { eventUuidAt, eventUuidOf } from '../event/event-id.ts'
import { EVENT_ROW, type EventRow, spellEvents } from '../event/event-row-store.ts'
import { type EventFilter, eventConditions } from './event-filter-store.ts'

export interface EventPage extends EventFilter {
  /** Only events whose id sorts after this one. */
  after?: string | undefined
  limit: number
  /** The latest of them, the last one first. */
  newestFirst?: boolean | undefined
}

/** Two ids as their column has them: what is between them. */
export interface EventSpan {
  after: string
  before: string
}

/** Sorts before, and after, every id. */
const FIRST = eventUuidAt(new Date(0))
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** The events that a page can hold by their times and its cursor. */
export function spanOf({ after: id, since, until }: Pick<EventPage, 'after' | 'since' | 'until'>): EventSpan {
  const cursor = id === undefined ? FIRST : (eventUuidOf(id) ?? LAST)
  const from = since === undefined ? FIRST : justBefore(eventUuidAt(since))
  const [, after = FIRST] = [cursor, from].sort()
  return { after, before: until === undefined ? LAST : eventUuidAt(until) }
}

/** The greatest uuid that is less. */
function justBefore(uuid: string): string {
  const number = BigInt(`0x${uuid.replaceAll('-', '')}`)
  const hex = (number === 0n ? 0n : number - 1n).toString(16).padStart(32, '0')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** What one look has found. */
export interface EventLook {
  /** The events that are wanted, in their order. */
  rows: EventRow[]
  /** The id, as its column has it, of the event up to which the page has looked; null before the first look. */
  last: string | null
}

/** The moment of an id, by which there are indexes over callers, purposes and types. */
const momentOf = (uuid: string) =>
  `least(('x' || substr(${uuid}::text, 1, 8) || substr(${uuid}::text, 10, 1))::bit(36)::bigint, 2147483647)::integer`

/**
 * The conditions that an index can serve, usually the rarest first. Every other condition is checked event by event.
 */
const LEADING = ['caller', 'purpose', 'type'] as const

const FIND_NUMBER: Statement = {
  name: 'find-number-of-name',
  text: 'SELECT id FROM dictionary WHERE sort = $1 AND name = $2',
}

/** A condition on a number, with the number: the planner knows how often it occurs. Undefined for a name that no event has. */
async function numbered(db: Queryable, name: (typeof LEADING)[number], value: string) {
  const [row] = await db.query<{ id: number }>(FIND_NUMBER, [name, value])
  return row && { sql: ` AND ${name} = $5`, values: [row.id] }
}

/**
 * Looks through events in the order of their ids, which is the order of time to the millisecond, or in the opposite
 * order. It looks through a limited number of the events that one condition of the filter leads to, or of all. Only the
 * events of records are found without such a limit, by their own indexes.
 *
 * @param most how many events are looked at
 * @param limit how many are found
 */
export async function lookThroughEvents(
  db: Queryable,
  { since: _since, until: _until, ...filter }: EventFilter,
  { after, before }: EventSpan,
  { most, limit, newestFirst = false }: { most: number; limit: number; newestFirst?: boolean | undefined },
): Promise<EventLook> {
  const { token, tokens, ...beside } = filter
  const isOfRecords = token !== undefined || tokens !== undefined
  const led = isOfRecords ? undefined : LEADING.find((name) => filter[name] !== undefined)
  const leading = led ? await numbered(db, led, filter[led]!) : eventConditions({ token, tokens }, 5)
  if (leading === undefined) return { rows: [], last: null }
  const rest = led ? { ...beside, [led]: undefined } : beside
  const others = eventConditions(rest, 5 + leading.values.length)
  const down = newestFirst ? ' DESC' : ''
  const up = newestFirst ? '' : ' DESC'
  const between = 'id > $1 AND id < $2'
  // The planner takes the first index that has the order. Here it must see none: a record has few events, which can be
  // sorted.
  const from = isOfRecords
    ? `(SELECT * FROM audit_events WHERE ${between}${leading.sql} OFFSET 0) AS e ORDER BY id${down}`
    : led === undefined
      ? `audit_events WHERE ${between} ORDER BY id${down}`
      : `audit_events WHERE ${between} AND ${momentOf('id')} >= ${momentOf('$1::uuid')} AND ${momentOf('id')} <= ${momentOf('$2::uuid')}
           ${leading.sql} ORDER BY ${momentOf('id')}${down}, id${down}`
  const statement = {
    name: 'look-through-events',
    // For unknown times PostgreSQL expects almost no events between them, and sorts all that it finds.
    isPlannedAnew: true,
    // Events are looked up one by one, along the primary key.
    text: `WITH seen AS MATERIALIZED (SELECT id, (true${others.sql}) AS is_wanted FROM ${from} LIMIT $3),
             wanted AS MATERIALIZED (SELECT id FROM seen WHERE is_wanted ORDER BY id${down} LIMIT $4)
           SELECT s.count, s.last, ${EVENT_ROW}
           FROM (SELECT count(*)::integer AS count, (SELECT id FROM seen ORDER BY id${up} LIMIT 1) AS last FROM seen) AS s
           LEFT JOIN LATERAL (
             SELECT r.* FROM wanted CROSS JOIN LATERAL (SELECT * FROM audit_events WHERE id = wanted.id OFFSET 0) AS r
           ) AS e ON true ORDER BY e.id${down}`,
  }
  // If each one matches, the look ends with the last one that is wanted.
  const looked = others.sql === '' ? Math.min(most, limit) : most
  const values = [after, before, looked, limit, ...leading.values, ...others.values]
  const found = await db.query<{ count: number; last: string | null }>(statement, values)
  const { count, last } = found[0]!
  const rows = (await spellEvents<EventRow>(db, found)).filter(({ id }) => id !== null)
  if (new Set(rows.map(({ id }) => id)).size < limit) return { rows, last: count < looked ? null : last }
  return { rows, last: eventUuidOf(rows.at(-1)!.id) }
}
