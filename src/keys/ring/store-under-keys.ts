import { isCheckViolation, isWithoutPartition } from '../../database/database-error.ts'
import { Problem } from '../../values/problem.ts'
import type { ReferencingTables } from '../sealing/referencing-tables.ts'
import type { Keys } from './keys.ts'

/** The name of the database's rule that a key must be allowed to protect (`migrations/0001-schema/records.sql`). */
const PROTECTING_KEY = 'protecting_key'

/** A rotation retires a key once, and its replacement may turn out to be compromised. */
const ATTEMPTS = 3

/**
 * Whether the database refused to store what a key made that may no longer protect: by the rule, or because the table
 * of hashes has no partition for a retired index key. Nothing was stored.
 */
export function isKeyRefused(error: unknown, { hashed }: Pick<ReferencingTables, 'hashed'>): boolean {
  return isCheckViolation(error, PROTECTING_KEY) || hashed.some(({ table }) => isWithoutPartition(error, table))
}

/**
 * Runs `store`, which seals or hashes something and stores it. If a key was retired before that, the database refuses
 * it: then the keys are read again, and `store` runs once more. So an ordinary rotation makes no request fail.
 *
 * @param store must have no effect but in the database, in one transaction
 * @throws {Problem} busy, if the keys change faster than that; what `Keys.refresh` throws
 */
export async function storeUnderKeys<T>(
  keys: Pick<Keys, 'referencing' | 'refresh'>,
  store: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await store()
    } catch (error) {
      if (!isKeyRefused(error, keys.referencing)) throw error
      if (attempt === ATTEMPTS) throw new Problem('busy', { cause: error, retryAfterSeconds: 1 })
      await keys.refresh()
    }
  }
}
