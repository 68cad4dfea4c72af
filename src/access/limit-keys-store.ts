import type { Queryable, Statement } from '../database/database.ts'

/** A count, and the key that stood for it before migration 0010. */
export interface Former {
  key: string
  former: string
}

const LAST_FORMER_END: Statement = {
  name: 'select-last-former-limit',
  text: `SELECT coalesce(max(expire), 0)::float8 AS ends_at FROM rate_limits WHERE key LIKE '%:%'`,
}
/** What was taken over once stays as it is. */
const CARRY_OVER: Statement = {
  name: 'carry-over-limits',
  text: `INSERT INTO rate_limits (key, points, expire)
         SELECT DISTINCT ON (n.key) n.key, f.points, f.expire
         FROM unnest($1::text[], $2::text[]) AS n (key, former) JOIN rate_limits f ON f.key = n.former
         WHERE f.expire > $3::bigint ORDER BY n.key, f.points DESC
         ON CONFLICT (key) DO NOTHING`,
}

/** When the last window ends that was begun under a former key, in milliseconds since 1970; 0 when there is none. */
export async function lastFormerEnd(db: Queryable): Promise<number> {
  const [row] = await db.query<{ ends_at: number }>(LAST_FORMER_END)
  return row?.ends_at ?? 0
}

/** Begins counts with what their former ones stand at. */
export async function carryOver(db: Queryable, formers: readonly Former[], nowMs: number): Promise<void> {
  await db.query(CARRY_OVER, [formers.map(({ key }) => key), formers.map(({ former }) => former), nowMs])
}
