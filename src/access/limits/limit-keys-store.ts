import type { Queryable, Statement } from '../../database/database.ts'

/** A count, and the key that it had before. */
export interface Former {
  key: string
  former: string
}

const LAST_FORMER_END: Statement = {
  name: 'select-last-former-limit',
  text: `SELECT coalesce(max(expire), 0)::float8 AS ends_at FROM rate_limits WHERE key LIKE '%:%'`,
}
/** What was taken over once stays as it is. */
const carryOverStatement = (table: string): Statement => ({
  name: `carry-over-${table}`,
  text: `INSERT INTO ${table} (key, points, pauses, expire)
         SELECT DISTINCT ON (n.key) n.key, f.points, f.pauses, f.expire
         FROM unnest($1::text[], $2::text[]) AS n (key, former) JOIN ${table} f ON f.key = n.former
         WHERE f.expire > $3::bigint ORDER BY n.key, f.points DESC
         ON CONFLICT (key) DO NOTHING`,
})
const CARRY_OVER = [carryOverStatement('rate_limits'), carryOverStatement('kept_limits')]

/**
 * When the last window ends that was begun under a key from before migration 0010, in milliseconds since 1970; 0 if
 * there is none.
 */
export async function lastFormerEnd(db: Queryable): Promise<number> {
  const [row] = await db.query<{ ends_at: number }>(LAST_FORMER_END)
  return row?.ends_at ?? 0
}

/** Begins counts with the values of their former ones. */
export async function carryOver(db: Queryable, formers: readonly Former[], nowMs: number): Promise<void> {
  const values = [formers.map(({ key }) => key), formers.map(({ former }) => former), nowMs]
  for (const statement of CARRY_OVER) await db.query(statement, values)
}
