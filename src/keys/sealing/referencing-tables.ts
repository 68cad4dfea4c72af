import type { HashedColumn } from './hashed-column.ts'
import type { SealedTable } from './sealed-table.ts'

/**
 * Everything that is stored under the vault's keys, as the nouns that store it declare it. A census over all of it says whether a
 * key is still needed, so what is not in here is lost when its key is destroyed.
 */
export interface ReferencingTables {
  sealed: readonly SealedTable[]
  hashed: readonly HashedColumn[]
}
