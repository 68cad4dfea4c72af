import type { Queryable } from '../../database/database.ts'
import { numberOf, spellOut } from '../../database/lean-rows.ts'
import { takeCensus, takeCensusOf } from '../sealing/census.ts'
import type { HashedColumn } from '../sealing/hashed-column.ts'
import type { ReferencingTables } from '../sealing/referencing-tables.ts'
import type { Row } from '../sealing/sealed-table.ts'

/** How many values a key has, by the column that holds them. */
export type References = Readonly<Record<string, number>>

/** All references to keys, by the key's id: what is sealed under it, hashed under it, or found by it. */
export async function countReferences(
  db: Queryable,
  { sealed, hashed }: ReferencingTables,
  now: Date,
): Promise<ReadonlyMap<string, References>> {
  const references = new Map<string, Record<string, number>>()
  const add = (column: string, keyId: string, count: number) =>
    void references.set(keyId, { ...references.get(keyId), [column]: count })
  for (const { column, keyId, count } of await takeCensus(db, sealed)) add(column.name, keyId, count)
  for (const { name, census, expires } of hashed) {
    const rows = await db.query<Row>(census, expires === undefined ? [] : [now])
    const counts = await spellOut<{ key_id: string; count: number }>(db, rows)
    for (const { key_id, count } of counts) add(name, key_id, count)
  }
  return references
}

/** What references one key. */
export async function countReferencesOf(
  db: Queryable,
  { sealed, hashed }: ReferencingTables,
  keyId: string,
  now: Date,
): Promise<References> {
  const counts = await takeCensusOf(db, sealed, keyId)
  for (const column of hashed) counts.set(column.name, await countHashed(db, column, keyId, now))
  return Object.fromEntries([...counts].filter(([, count]) => count > 0))
}

/** What references one key and only expires, with its count. */
export async function findExpiring(
  db: Queryable,
  { hashed }: ReferencingTables,
  keyId: string,
  now: Date,
): Promise<{ name: string; count: number; expires: string } | undefined> {
  for (const column of hashed) {
    const { name, expires } = column
    if (expires === undefined) continue
    const count = await countHashed(db, column, keyId, now)
    if (count > 0) return { name, count, expires }
  }
  return undefined
}

async function countHashed(db: Queryable, column: HashedColumn, keyId: string, now: Date): Promise<number> {
  const key = await numberOf(db, 'key', keyId)
  const [row] = await db.query<{ count: number }>(column.censusOfOne, column.expires === undefined ? [key] : [key, now])
  return row?.count ?? 0
}

/** All of a key's references together. */
export function totalOf(references: References | undefined): number {
  return Object.values(references ?? {}).reduce((sum, count) => sum + count, 0)
}
