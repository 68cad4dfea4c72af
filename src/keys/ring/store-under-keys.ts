import { isCheckViolation, isWithoutPartition } from '../../database/database-error.ts'
import { Problem } from '../../values/problem.ts'
import type { Keys } from './keys.ts'

/** What the database calls its refusal of a key that may not protect (`migrations/0001-schema/records.sql`). */
const PROTECTING_KEY = 'protecting_key'

/** A rotation retires a key once, and its replacement may turn out to be compromised. */
const ATTEMPTS = 3

/**
 * Whether the database refused to store what a key has made that may not protect any more: by the rule, or since the terms of an
 * index key that was left have no place any more. Nothing was stored.
 */
export function isKeyRefused(error: unknown): boolean {
  return isCheckViolation(error, PROTECTING_KEY) || isWithoutPartition(error, 'search_terms')
}

/**
 * Runs `store`, which seals or hashes something and stores it. When a key was retired before that was stored, the database
 * refuses it: then the keys are read again, and all of it is done once more. So an ordinary rotation fails no request.
 *
 * @param store must have no effect but in the database, in one transaction
 * @throws {Problem} busy, when the keys change faster than that; what `Keys.refresh` throws
 */
export async function storeUnderKeys<T>(keys: Pick<Keys, 'refresh'>, store: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await store()
    } catch (error) {
      if (!isKeyRefused(error)) throw error
      if (attempt === ATTEMPTS) throw new Problem('busy', { cause: error, retryAfterSeconds: 1 })
      await keys.refresh()
    }
  }
}
