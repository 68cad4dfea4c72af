import type { Queryable, Statement } from '../../database/database.ts'

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

/** The rows are locked in one order, so that two servers wait for each other instead of getting stuck. */
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

/** Adds to any number of tallies in one statement, and answers with what each of them stands at, by its key. */
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
