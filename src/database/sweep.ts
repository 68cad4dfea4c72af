import type { Queryable, Statement } from './database.ts'

/** How many rows a statement removes at most: none locks many rows, or runs into its timeout. */
const PAGE = 1_000

/**
 * Removes rows page by page until none is due, and answers with their number.
 *
 * @param statement deletes rows, `RETURNING` one for each; its last parameter, after `values`, is how many it may. Two
 *   servers
 *   that delete the same rows in another order would wait for each other in a circle: it skips what is locked, or takes turns
 */
export async function sweep(db: Queryable, statement: Statement, values: readonly unknown[]): Promise<number> {
  for (let total = 0; ; ) {
    const page = (await db.query(statement, [...values, PAGE])).length
    total += page
    if (page < PAGE) return total
  }
}

/**
 * SQL of a common table expression `turn`, whose one row says in `is_mine` whether no other server sweeps at the
 * moment: for tables whose rows the server's role may not update, and so may not lock (`FOR UPDATE`) either.
 *
 * @param lock a number that nothing else in this database locks
 */
export function takeTurn(lock: number): string {
  return `turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(${lock}) AS is_mine)`
}
