import type { ReencryptionTarget } from '../../keys/rotation/reencryption-target.ts'
import { sizeOf, walOfRows } from '../../keys/rotation/wal.ts'
import { countCustomers, forgetCustomers, readCustomers } from './erased-customer-store.ts'

/**
 * What the ledger keeps of the customers of erased records, for a rotation of the index keys. Nothing is left to make another hash
 * of, so the rotation forgets them: the next report says until when erased records may be missing in it.
 */
export const customersOfErased: ReencryptionTarget = {
  name: 'customers of erased records',
  purposes: ['index'],
  census: countCustomers,
  readPage: readCustomers,
  reencrypt: async (row) => ({ fresh: row, values: 1, stuck: 0, damaged: [], orphans: 0 }),
  write: forgetCustomers,
  wal: async (db, moving) => walOfRows(await sizeOf(db, ['erasures']), moving),
}
