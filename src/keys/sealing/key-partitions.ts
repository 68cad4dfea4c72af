import type { Queryable } from '../../database/database.ts'
import type { KeyPartitions } from './hashed-column.ts'
import type { ReferencingTables } from './referencing-tables.ts'

export function partitionsIn({ hashed }: Pick<ReferencingTables, 'hashed'>): KeyPartitions[] {
  return hashed.flatMap(({ partitions }) => partitions ?? [])
}

/** Gives an index key its partition in every table that has them. */
export async function makePartitions(
  tx: Queryable,
  referencing: Pick<ReferencingTables, 'hashed'>,
  keyId: string,
): Promise<void> {
  for (const partitions of partitionsIn(referencing)) await partitions.make(tx, keyId)
}
