import { createBatch } from '../../database/batch.ts'
import type { Database } from '../../database/database.ts'
import type { Key } from '../../keys/key/key.ts'
import { hmacOf } from '../../keys/registry/macs.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { carryOver, type Former } from './limit-keys-store.ts'

/**
 * Under which key something is counted. `kind` says what is limited; `text` says whose count it is, may be personal, and is not kept:
 * the key holds a keyed hash of it.
 *
 * @throws {Problem} sealed, database-unavailable
 */
export type LimitKeys = (kind: string, text: string) => Promise<string>

const KEPT_KNOWN = 10_000

/** Longer than any window and any pause. */
const COUNTED_FOR_MS = 31 * 24 * 60 * 60 * 1000

/**
 * The hashes are made under the `limit-mac` key. After that was replaced, a new count takes over the value of the one
 * under the former key, for as long as a window may be open: a count outlives the replacement of every key.
 */
export function createLimitKeys(deps: {
  database: Database
  keys: Pick<Keys, 'ring' | 'verified'>
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

  /** The keys of the count under keys that were replaced lately. */
  function formersOf(kind: string, text: string): string[] {
    const since = now().getTime() - COUNTED_FOR_MS
    return keys.verified.keys.flatMap((row) => {
      const ended = row.purpose === 'limit-mac' ? (row.deactivated_at ?? row.compromised_at) : null
      const key = ended !== null && ended.getTime() > since ? keys.ring.find(row.id) : undefined
      return key === undefined ? [] : [nameOf(key, kind, text)]
    })
  }

  return async (kind, text) => {
    const key = nameOf(keys.ring.active('limit-mac'), kind, text)
    if (taken.has(key)) return key
    const formers = formersOf(kind, text)
    if (formers.length === 0) return key
    await Promise.all(formers.map((former) => takeOver({ key, former })))
    taken.add(key)
    if (taken.size > KEPT_KNOWN) taken.delete(taken.values().next().value!)
    return key
  }
}

function nameOf(key: Key, kind: string, text: string): string {
  return `${kind}/${hmacOf(key, 'strongroom limit', text).toString('base64url')}`
}
