import type { LimitsConfig } from '../../config/config-sections.ts'
import { createBatch } from '../../database/batch.ts'
import type { Database, Queryable } from '../../database/database.ts'
import type { Key } from '../../keys/key/key.ts'
import { keyedHash } from '../../keys/key/keyed-hash.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { Alert } from '../../observability/alert.ts'
import type { Caller } from '../policy/caller.ts'
import { type BudgetWindow, insertUsed, lockBudget, selectUsed } from './budget-store.ts'
import { tooMany } from './counter.ts'
import type { LimitKeys } from './limit-keys.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** The share of the limit at which there is an alert. */
const ALERT_FROM = 0.8
/** In place of the purpose in the counts of a budget; no purpose has that name. */
const COUNTED_AS = 'search-card-number'

/** Limits how many different card numbers a caller can search for. */
export interface CardSearchLimit {
  /**
   * Counts a number before a caller searches for it, whether there is such a card or not: each once in a day (UTC).
   *
   * @throws {Problem} too-many-requests
   */
  consume(caller: Caller, number: string): Promise<void>
}

interface Search {
  caller: Caller
  /** Keyed hashes of the number and the caller: under the present index key, then under earlier ones. */
  hashes: readonly [string, ...string[]]
}

/**
 * Counts in the database, under a lock for each caller: the limit is exact over any number of servers.
 *
 * What is kept of a number is a hash under the `limit-mac` key of one under a `card-index` key: with the first key alone no number is
 * found.
 */
export function createCardSearchLimit(
  deps: { database: Database; keys: Pick<Keys, 'ring'>; keyOf: LimitKeys; now: () => Date; alert: Alert },
  perDay: LimitsConfig['cardSearchesPerDay'],
): CardSearchLimit {
  const { database, keys, keyOf, now, alert } = deps

  async function hashesOf(caller: Caller, number: string): Promise<Search['hashes']> {
    const present = keys.ring.active('card-index')
    const former = keys.ring.all('card-index').filter(({ id }) => id !== present.id)
    const hashOf = (key: Key) => {
      const term = keyedHash(key, 'card-search-limit', [number]).toString('base64url')
      return keyOf('card-searches', `${caller.id}\n${term}`)
    }
    return [await hashOf(present), ...(await Promise.all(former.map(hashOf)))]
  }

  async function consumeOne(tx: Queryable, { caller, hashes }: Search, window: BudgetWindow) {
    const owner = { caller: caller.id, role: '', purpose: COUNTED_AS }
    const { used, known } = await selectUsed(tx, owner, window, hashes)
    if (known.length > 0) return { used, isRefused: false, isNew: false }
    if (used >= perDay) return { used, isRefused: true, isNew: false }
    await insertUsed(tx, owner, window, [hashes[0]])
    return { used: used + 1, isRefused: false, isNew: true }
  }

  const enqueue = createBatch({
    run: async (searches: readonly Search[]) => {
      const startsAt = Math.floor(now().getTime() / DAY_MS) * DAY_MS
      const window: BudgetWindow = { span: 'day', startsAt: new Date(startsAt) }
      const spent = await database.transaction(async (tx) => {
        for (const id of [...new Set(searches.map(({ caller }) => caller.id))].sort()) await lockBudget(tx, id)
        const all = []
        for (const search of searches) all.push(await consumeOne(tx, search, window))
        return all
      })
      return spent.map((one) => ({ ...one, endsAt: startsAt + DAY_MS }))
    },
    inFlight: 1,
  })

  return {
    async consume(caller, number) {
      const hashes = await hashesOf(caller, number)
      const { used, isRefused, isNew, endsAt } = await enqueue({ caller, hashes })
      if (isNew && used === Math.ceil(perDay * ALERT_FROM)) {
        alert('card-numbers-searched', { caller: caller.id, role: caller.role, numbers: used, limit: perDay })
      }
      if (isRefused) throw tooMany(endsAt, now())
    },
  }
}
