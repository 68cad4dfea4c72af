import { createBatch } from '../database/batch.ts'
import type { Database } from '../database/database.ts'
import { keyedHash } from '../keys/keyed-hash.ts'
import type { Keys } from '../keys/keys.ts'
import { carryOver, type Former, lastFormerEnd } from './limit-keys-store.ts'

/**
 * Under which key something is counted. `kind` says what is limited; `text` says whose count it is, may be personal, and is not kept:
 * the key holds a keyed hash of it.
 *
 * @throws {Problem} sealed, database-unavailable
 */
export type LimitKeys = (kind: string, text: string) => Promise<string>

const KEPT_KNOWN = 10_000

/**
 * The hashes are made under the key of the registry's manifest, which lives as long as the vault: a count outlives the
 * rotation, the compromise and the destruction of every index key, and the replacement of the root key.
 *
 * A vault from before migration 0010 has counts whose keys were hashed under an index key. As long as one of their windows
 * is open, a count that begins takes over what the former one stands at.
 */
export function createLimitKeys(deps: {
  database: Database
  keys: Pick<Keys, 'ring' | 'registry'>
  now: () => Date
}): LimitKeys {
  const { database, keys, now } = deps
  const takeOver = createBatch({
    run: async (formers: readonly Former[]) => {
      await carryOver(database, formers, now().getTime())
      return formers.map(() => undefined)
    },
  })
  const taken = new Set<string>()
  let formerEnd: Promise<number> | undefined

  /** When the last window of a former count ends, as this server found it on its first question. */
  function findFormerEnd(): Promise<number> {
    formerEnd ??= lastFormerEnd(database).catch((error) => {
      formerEnd = undefined
      throw error
    })
    return formerEnd
  }

  return async (kind, text) => {
    const key = `${kind}/${keys.registry.authenticate('strongroom limit', text).toString('base64url')}`
    if (now().getTime() >= (await findFormerEnd()) || taken.has(key)) return key
    for (const index of keys.ring.all('index')) {
      const former = `${kind}:${keyedHash(index, 'source', [text]).toString('base64url')}`
      await takeOver({ key, former })
    }
    taken.add(key)
    if (taken.size > KEPT_KNOWN) taken.delete(taken.values().next().value!)
    return key
  }
}
