import type { Queryable, Statement } from '../../database/database.ts'

/** What a rotation moves of a table, and all that is in it. */
export interface Moving {
  values: number
  total: number
}

const PAGE_BYTES = 8192
/** What the WAL says of a value that is moved beside its bytes: locks, places, and what is removed. Measured. */
const BESIDE_A_VALUE = 75

const SIZE: Statement = {
  name: 'size-of-table',
  text: `SELECT sum(pg_table_size(part))::float8 AS bytes FROM unnest($1::text[]) AS t (name) CROSS JOIN LATERAL (
           SELECT name::regclass UNION SELECT relid FROM pg_partition_tree(name::regclass)) AS p (part)`,
}

/** How many bytes tables take, with their partitions and without their indexes. */
export async function sizeOf(db: Queryable, tables: readonly string[]): Promise<number> {
  return (await db.query<{ bytes: number | null }>(SIZE, [tables]))[0]?.bytes ?? 0
}

/**
 * After a checkpoint every page that is written goes into the WAL as a whole once: this many bytes, if none comes in
 * between.
 */
export function walOfPages(size: number, { values }: Pick<Moving, 'values'>): number {
  return Math.min(size, values * PAGE_BYTES)
}

/** The same, and the bytes of the values. */
export function walOfRows(size: number, { values, total }: Moving): number {
  if (values === 0) return 0
  return walOfPages(size, { values }) + (size * values) / total + values * BESIDE_A_VALUE
}
