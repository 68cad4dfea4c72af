import type { Queryable } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import { MAX_USES } from '../key/cryptoperiod.ts'
import type { Key, KeyRow } from '../key/key.ts'
import { settleUses } from '../key/key-store.ts'

/** How many uses of a key a process holds in reserve: more than one request can need before the next is fetched. */
const RESERVE_USES = 65_536

interface Lease {
  /** What may be used before the database is asked again. */
  left: number
  /** What was used and is not reported yet. */
  used: number
  /** Whether the limit is reached. */
  spent: boolean
  /**
   * The highest count that was seen. A lower count is compared with this one. At the limit no use is given out, even
   * from the reserve.
   */
  seen: number
  /** Whether the database was asked once. */
  filled: boolean
  kept: boolean
  /** What was reported about the row that counts, and is still true. */
  told: Set<'missing' | 'lower'>
}

/** The row that counts the uses of a key was put back or removed; `reason` says so. */
export type OnLostCount = (keyId: string, reason: string) => void

/**
 * Counts how often keys protect something, across processes and restarts. Uses are handed out in blocks, so that a use
 * costs a subtraction; what was used is reported in the background. What is handed out counts as used until it is given
 * back: after a crash the count may be too high, never too low.
 */
export interface KeyUses {
  /** Counts uses. @throws {Problem} key-expired at the limit, busy if the database is too slow */
  consume(keyId: string, count: number): void
  /** Fetches uses of these keys. They are there when it resolves. */
  hold(keys: readonly Key[]): Promise<void>
  /** Gives back those of all other keys, with the next report. */
  keepOnly(keys: readonly Key[]): void
  /** What the registry says of the counts now. */
  observe(rows: readonly Pick<KeyRow, 'id' | 'uses'>[]): void
  /** Reports what was used, and fills up. */
  settle(): Promise<void>
  /** Reports and gives back everything. */
  close(): Promise<void>
}

export function createKeyUses(
  database: Queryable,
  onError: (error: unknown) => void,
  onLostCount: OnLostCount,
): KeyUses {
  const leases = new Map<string, Lease>()
  let settling: Promise<void> | undefined
  /**
   * From then on nothing is reserved. Otherwise a ring that is read during the end would keep the process from ending.
   */
  let isClosing = false

  async function settleNow(): Promise<void> {
    const reports = [...leases].flatMap(([id, lease]) => {
      const { used, left, kept } = lease
      const wanted = kept ? RESERVE_USES - left : -left
      // Uses are given back before they are reported, so that they are not used twice if the answer is lost.
      if (!kept) lease.left = 0
      return kept && used === 0 && wanted === 0 ? [] : [{ id, lease, used, wanted, kept, seen: lease.seen }]
    })
    if (reports.length === 0) return
    const granted = await settleUses(database, reports, MAX_USES)
    for (const { id, lease, used, wanted, kept } of reports) {
      lease.used -= used
      lease.left += Math.max(0, granted.get(id) ?? 0)
      lease.filled = true
      if (granted.has(id)) lease.told.delete('missing')
      else tell(id, lease, 'missing', 'is missing: nothing more is protected by the key, rotate it')
      if (kept && wanted > 0) lease.spent = (granted.get(id) ?? 0) < wanted
      if (!kept && !lease.kept && lease.used === 0) leases.delete(id)
    }
  }

  function tell(id: string, { told }: Lease, what: 'missing' | 'lower', words: string): void {
    if (!told.has(what)) onLostCount(id, `the row of ${id} in "key_uses" ${words}.`)
    told.add(what)
  }

  function settle(): Promise<void> {
    settling ??= settleNow().finally(() => {
      settling = undefined
    })
    return settling
  }

  return {
    consume(keyId, count) {
      const lease = leases.get(keyId)
      if (lease === undefined || lease.seen >= MAX_USES || lease.left < count) {
        const isOver = lease !== undefined && (lease.seen >= MAX_USES || lease.spent)
        throw isOver ? new Problem('key-expired', { retryAfterSeconds: 60 }) : new Problem('busy')
      }
      lease.left -= count
      lease.used += count
      if (lease.left < RESERVE_USES / 2 && settling === undefined && !lease.spent) settle().catch(onError)
    },
    async hold(keys) {
      for (const { id } of keys) {
        if (!leases.has(id)) leases.set(id, { ...newLease(), kept: !isClosing })
      }
      // A report that is under way may have begun before.
      while (keys.some(({ id }) => leases.get(id)?.filled === false)) await settle()
    },
    keepOnly(keys) {
      const ids = new Set(keys.map(({ id }) => id))
      for (const [id, lease] of leases) lease.kept = !isClosing && ids.has(id)
    },
    observe(rows) {
      for (const { id, uses } of rows) {
        const lease = leases.get(id)
        if (lease === undefined) continue
        if (uses >= lease.seen) lease.told.delete('lower')
        else tell(id, lease, 'lower', `was put back from ${lease.seen} uses to ${uses}, or removed`)
        lease.seen = Math.max(lease.seen, uses)
      }
    },
    settle,
    async close() {
      isClosing = true
      for (const lease of leases.values()) lease.kept = false
      while (leases.size > 0) await settle()
    },
  }
}

function newLease(): Lease {
  return { left: 0, used: 0, spent: false, seen: 0, filled: false, kept: true, told: new Set() }
}
