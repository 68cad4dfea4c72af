import type { Queryable } from '../../database/database.ts'
import { numberOf, spellOut } from '../../database/lean-rows.ts'
import type { Row, SealedColumn, SealedTable } from './sealed-table.ts'

/** How many values of a column a key has. */
export interface SealedCount {
  column: SealedColumn
  keyId: string
  count: number
}

/** How many sealed values each key has. Each table is read once, one after the other: it may be in a transaction. */
export async function takeCensus(db: Queryable, tables: readonly SealedTable[]): Promise<SealedCount[]> {
  const found: SealedCount[] = []
  for (const { census, columns } of tables) {
    const rows = await spellOut<Row & { count: number }>(db, await db.query(census))
    for (const column of columns) {
      const counts = rows.flatMap(({ count, ...row }) => {
        const keyId = row[`${column.part}_key_id`] as string | null
        return keyId === null ? [] : { keyId, count }
      })
      for (const [keyId, count] of sumByKey(counts)) found.push({ column, keyId, count })
    }
  }
  return found
}

/** The same without the columns. */
export function sumByKey(counts: readonly Pick<SealedCount, 'keyId' | 'count'>[]): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { keyId, count } of counts) sums.set(keyId, (sums.get(keyId) ?? 0) + count)
  return sums
}

/** How many sealed values one key has, by the column. */
export async function takeCensusOf(
  db: Queryable,
  tables: readonly SealedTable[],
  keyId: string,
): Promise<Map<string, number>> {
  const key = await numberOf(db, 'key', keyId)
  const found = new Map<string, number>()
  for (const { censusOfOne, columns } of tables) {
    const [row] = await db.query<Record<string, number>>(censusOfOne, [key])
    for (const { name, part } of columns) found.set(name, row?.[part] ?? 0)
  }
  return found
}
