import type { Queryable, Statement } from '../../database/database.ts'

/** A count, and the key that it had before. */
export interface Former {
  key: string
  former: string
}

/** A count that was taken over once is not taken over again. */
const carryOverStatement = (table: string): Statement => ({
  name: `carry-over-${table}`,
  text: `INSERT INTO ${table} (key, points, pauses, expire)
         SELECT DISTINCT ON (n.key) n.key, f.points, f.pauses, f.expire
         FROM unnest($1::text[], $2::text[]) AS n (key, former) JOIN ${table} f ON f.key = n.former
         WHERE f.expire > $3::bigint ORDER BY n.key, f.points DESC
         ON CONFLICT (key) DO NOTHING`,
})
const CARRY_OVER = [carryOverStatement('rate_limits'), carryOverStatement('kept_limits')]

/** Begins counts with the values of their former ones. */
export async function carryOver(db: Queryable, formers: readonly Former[], nowMs: number): Promise<void> {
  const values = [formers.map(({ key }) => key), formers.map(({ former }) => former), nowMs]
  for (const statement of CARRY_OVER) await db.query(statement, values)
}
