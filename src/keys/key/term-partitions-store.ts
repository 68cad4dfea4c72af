import { textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'

/** The server's role makes and drops no tables itself. */
const MAKE: Statement = { name: 'make-terms-partition', text: 'SELECT make_terms_partition($1)' }
const SELECT: Statement = {
  name: 'select-terms-partitions',
  text: `SELECT id FROM unnest($1::text[]) AS k (id) WHERE terms_partition(id_of('key', id)) IS NOT NULL`,
}
const DROP: Statement = { name: 'drop-terms-partition', text: 'SELECT drop_terms_partition($1) AS dropped' }

/** Makes a place for the search terms under an index key, unless there is one. */
export async function makeTermsPartition(tx: Queryable, keyId: string): Promise<void> {
  await tx.query(MAKE, [keyId])
}

/** Those of the keys whose search terms have a place. */
export async function selectTermsPartitions(db: Queryable, keyIds: readonly string[]): Promise<string[]> {
  return (await db.query<{ id: string }>(SELECT, [textArray(keyIds)])).map(({ id }) => id)
}

/** Removes that place, if not one term is in it. Answers false when there is one, or a reader takes too long. */
export async function dropTermsPartition(db: Queryable, keyId: string): Promise<boolean> {
  return (await db.query<{ dropped: boolean }>(DROP, [keyId]))[0]?.dropped === true
}
