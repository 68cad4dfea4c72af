import type { Queryable, Statement } from '../../database/database.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import { sweep } from '../../database/sweep.ts'

/*
 * The counters of all limits but budgets, which count distinct records. A counter is a row of `rate_limits` or `kept_limits`: its
 * points in a window, and the units that servers have reserved of it. Some limits add as they go (`addToCounters`), others
 * reserve units before the work and settle them afterwards (`reserveUnits`, `settleUnits`).
 */

/** One thing that is counted: `key` holds no personal value, only keyed hashes of such. */
export interface Count {
  key: string
  add: number
  windowMs: number
}

export interface Counted {
  points: number
  endsAt: number
}

/** Rows are locked in the order of their keys, so that two servers cannot block each other. */
const ADD: Statement = {
  name: 'add-to-counters',
  text: `INSERT INTO rate_limits AS r (key, points, expire)
         SELECT key, points, $4::bigint + window_ms
         FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS n (key, points, window_ms) ORDER BY key
         ON CONFLICT (key) DO UPDATE SET
           points = CASE WHEN r.expire <= $4::bigint THEN excluded.points ELSE least(r.points + excluded.points, 2000000000) END,
           expire = CASE WHEN r.expire <= $4::bigint THEN excluded.expire ELSE r.expire END
         RETURNING key, points, expire::float8 AS ends_at`,
}

/** Adds to any number of counters in one statement. Returns the state of each by its key. */
export async function addToCounters(
  db: Queryable,
  counts: readonly Count[],
  nowMs: number,
): Promise<ReadonlyMap<string, Counted>> {
  const merged = new Map<string, Count>()
  for (const count of counts) {
    merged.set(count.key, { ...count, add: count.add + (merged.get(count.key)?.add ?? 0) })
  }
  const rows = [...merged.values()]
  const found = await db.query<{ key: string; points: number; ends_at: number }>(ADD, [
    rows.map(({ key }) => key),
    rows.map(({ add }) => add),
    rows.map(({ windowMs }) => windowMs),
    nowMs,
  ])
  return new Map(found.map(({ key, points, ends_at }) => [key, { points, endsAt: ends_at }]))
}

/** The table of a counter: `kept_limits` outlives a crash of the database, and costs a durable commit. */
type LimitTable = 'rate_limits' | 'kept_limits'

/** What all counts of one limit have in common. */
export interface Limit {
  table: LimitTable
  /** The most points of one key in a window. */
  most: number
  windowMs: number
  /**
   * Whether a key that reaches the limit again within a day waits longer than the window: twice as long each time, a day at
   * the most.
   */
  growingPauses?: true
}

export interface Wanted {
  key: string
  wanted: number
}

export interface Reserved {
  /** Between 0 and what was wanted. */
  granted: number
  /** What has counted already, without what is reserved. */
  points: number
  /** When the window ends, in milliseconds since 1970; it also names the window. */
  endsAt: number
}

/** The end of a reservation: `counted` of the `released` units become points, and the others are given back. */
export interface Settlement {
  key: string
  released: number
  counted: number
  /** The window that the units were reserved in. */
  endsAt: number
}

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * What a row may still reserve. A row whose window is over begins again, and remembers its pauses for a day. The rows are
 * locked in one order, so that two servers wait for each other one after the other.
 */
const reserveStatement = (table: LimitTable): Statement => ({
  name: `reserve-${table}`,
  text: `INSERT INTO ${table} AS r (key, reserved, granted, expire)
         SELECT key, least(wanted, $3::integer), least(wanted, $3::integer), $5::bigint + $4::bigint
         FROM unnest(${opaqueArray('$1::text[]')}, $2::integer[]) AS n (key, wanted) ORDER BY key
         ON CONFLICT (key) DO UPDATE SET
           points = CASE WHEN r.expire <= $5::bigint THEN 0 ELSE r.points END,
           reserved = CASE WHEN r.expire <= $5::bigint THEN excluded.granted
                      ELSE r.reserved + greatest(0, least(excluded.granted, $3::integer - r.points - r.reserved)) END,
           granted = CASE WHEN r.expire <= $5::bigint THEN excluded.granted
                     ELSE greatest(0, least(excluded.granted, $3::integer - r.points - r.reserved)) END,
           pauses = CASE WHEN r.expire + ${DAY_MS} <= $5::bigint THEN 0 ELSE r.pauses END,
           expire = CASE WHEN r.expire <= $5::bigint THEN excluded.expire ELSE r.expire END
         RETURNING key, granted, points, expire::float8 AS ends_at`,
})
const RESERVE: Record<LimitTable, Statement> = {
  rate_limits: reserveStatement('rate_limits'),
  kept_limits: reserveStatement('kept_limits'),
}

/**
 * A row that is gone, because the database has crashed, comes back with what counted. The points that reach the limit
 * make the pause; `$6` is the window in which pauses grow, and 0 elsewhere.
 */
const settleStatement = (table: LimitTable): Statement => ({
  name: `settle-${table}`,
  text: `INSERT INTO ${table} AS r (key, granted, points, expire)
         SELECT key, released, counted, ends_at
         FROM unnest(${opaqueArray('$1::text[]')}, $2::integer[], $3::integer[], $4::bigint[]) AS n (key, released, counted, ends_at) ORDER BY key
         ON CONFLICT (key) DO UPDATE SET
           points = least(r.points + excluded.points, 2000000000),
           reserved = greatest(0, r.reserved - excluded.granted),
           pauses = r.pauses + CASE WHEN r.points < $5::integer AND r.points + excluded.points >= $5::integer THEN 1 ELSE 0 END,
           expire = CASE WHEN r.pauses > 0 AND r.points < $5::integer AND r.points + excluded.points >= $5::integer
                    THEN greatest(r.expire, $7::bigint + least($6::bigint << least(r.pauses, 20), ${DAY_MS})) ELSE r.expire END
         WHERE r.expire = excluded.expire
         RETURNING key, points, expire::float8 AS ends_at`,
})
const SETTLE: Record<LimitTable, Statement> = {
  rate_limits: settleStatement('rate_limits'),
  kept_limits: settleStatement('kept_limits'),
}

/** Reserves for each key as much as its limit leaves, in one statement; no key occurs in it twice. */
export async function reserveUnits(
  db: Queryable,
  { table, most, windowMs }: Limit,
  wanted: readonly Wanted[],
  nowMs: number,
): Promise<ReadonlyMap<string, Reserved>> {
  const values = [wanted.map(({ key }) => key), wanted.map((one) => one.wanted), most, windowMs, nowMs]
  const rows = await db.query<{ key: string; granted: number; points: number; ends_at: number }>(RESERVE[table], values)
  return new Map(rows.map(({ key, granted, points, ends_at }) => [key, { granted, points, endsAt: ends_at }]))
}

/**
 * Settles reservations in one statement; no key occurs in it twice.
 *
 * @returns the count of each key; nothing for a key whose window has ended
 */
export async function settleUnits(
  db: Queryable,
  { table, most, windowMs, growingPauses }: Limit,
  settlements: readonly Settlement[],
  nowMs: number,
): Promise<ReadonlyMap<string, { points: number; endsAt: number }>> {
  const rows = await db.query<{ key: string; points: number; ends_at: number }>(SETTLE[table], [
    settlements.map(({ key }) => key),
    settlements.map(({ released }) => released),
    settlements.map(({ counted }) => counted),
    settlements.map(({ endsAt }) => endsAt),
    most,
    growingPauses ? windowMs : 0,
    nowMs,
  ])
  return new Map(rows.map(({ key, points, ends_at }) => [key, { points, endsAt: ends_at }]))
}

const deleteStatement = (table: LimitTable): Statement => ({
  name: `delete-${table}`,
  text: `DELETE FROM ${table} WHERE key = $1 RETURNING points`,
})
const DELETE: Record<LimitTable, Statement> = {
  rate_limits: deleteStatement('rate_limits'),
  kept_limits: deleteStatement('kept_limits'),
}

/** Forgets a count with its pauses. False when nothing had counted. */
export async function deleteCount(db: Queryable, { table }: Limit, key: string): Promise<boolean> {
  const [row] = await db.query<{ points: number }>(DELETE[table], [key])
  return row !== undefined && row.points > 0
}

const releaseStatement = (table: LimitTable): Statement => ({
  name: `release-${table}`,
  text: `UPDATE ${table} SET reserved = 0 WHERE reserved > 0`,
})
const RELEASE: readonly Statement[] = [releaseStatement('rate_limits'), releaseStatement('kept_limits')]

/** Gives back everything that is reserved: it belongs to servers that have ended. Only for the one server of a database. */
export async function releaseReservations(db: Queryable): Promise<void> {
  for (const statement of RELEASE) await db.query(statement)
}

/**
 * The pauses of a count are remembered for a day after its window. Rows that a request is about to count in are left
 * for the next time: the two would wait for each other.
 */
const sweepStatement = (table: LimitTable): Statement => ({
  name: `sweep-${table}`,
  text: `DELETE FROM ${table} WHERE key IN (
           SELECT key FROM ${table} WHERE expire <= $1::bigint - ${DAY_MS} LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING true`,
})
const SWEEP: readonly Statement[] = [sweepStatement('rate_limits'), sweepStatement('kept_limits')]

/** Removes counts whose windows are long over, and answers with their number. */
export async function sweepLimits(db: Queryable, now: Date): Promise<number> {
  let removed = 0
  for (const statement of SWEEP) removed += await sweep(db, statement, [now.getTime()])
  return removed
}
