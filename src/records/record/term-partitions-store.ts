import { textArray } from '../../database/binary-array.ts'
import type { Statement } from '../../database/database.ts'
import type { KeyPartitions } from '../../keys/sealing/hashed-column.ts'

/** The server's role makes and drops no tables itself. */
const MAKE: Statement = { name: 'make-terms-partition', text: 'SELECT make_terms_partition($1)' }
const SELECT: Statement = {
  name: 'select-terms-partitions',
  text: `SELECT id FROM unnest($1::text[]) AS k (id) WHERE terms_partition(id_of('key', id)) IS NOT NULL`,
}
const DROP: Statement = { name: 'drop-terms-partition', text: 'SELECT drop_terms_partition($1) AS dropped' }

/** The search terms under each index key have a partition, so that a rotation drops the old ones at once. */
export const termPartitions: KeyPartitions = {
  async make(tx, keyId) {
    await tx.query(MAKE, [keyId])
  },
  async select(db, keyIds) {
    return (await db.query<{ id: string }>(SELECT, [textArray(keyIds)])).map(({ id }) => id)
  },
  async drop(db, keyId) {
    return (await db.query<{ dropped: boolean }>(DROP, [keyId]))[0]?.dropped === true
  },
}
