import type { Alert } from '../../observability/alert.ts'
import { MAX_USES, REPLACE_FROM, wearOf } from '../key/cryptoperiod.ts'
import { macPurposes } from '../key/key.ts'
import type { Keys } from '../ring/keys.ts'
import { publishedPurposes } from './signing-plan.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** The vault replaces these keys itself from 80 % on. If one is older, something prevents it. */
const REPLACED_BY_ITSELF_UNTIL = 0.9
const REPLACED_BY_ITSELF = new Set<string>([...publishedPurposes, ...macPurposes])

/** The facts that say how far a key has come. */
export interface KeyWear {
  id: string
  purpose: string
  state: string
  activated_at: Date | null
  expires_at: Date | null
  uses: number
}

/** The active keys that are past 80 % of their cryptoperiod or of their uses, and whether they are past all of it. */
export function findWornKeys<K extends KeyWear>(keys: readonly K[], now: Date): (K & { expired: boolean })[] {
  return keys.flatMap((key) => {
    const wear = wearOf(key, now)
    const from = REPLACED_BY_ITSELF.has(key.purpose) ? REPLACED_BY_ITSELF_UNTIL : REPLACE_FROM
    return key.state === 'active' && wear >= from ? [{ ...key, expired: wear >= 1 }] : []
  })
}

export interface WatchKeysDeps {
  keys: Pick<Keys, 'verified'>
  now: () => Date
  alert: Alert
  observeKey: (key: { purpose: string; expiresInSeconds: number; uses: number }) => void
}

/**
 * Makes the watch over the keys: it updates the metrics at every call, and raises an alert once a day for each worn
 * key.
 */
export function createKeyWatch({ keys, now, alert, observeKey }: WatchKeysDeps): () => void {
  const alerted = new Map<string, number>()
  return () => {
    const { verified } = keys
    const at = now()
    const all: KeyWear[] = [...verified.keys, ...verified.rootKeys.map((row) => ({ ...row, purpose: 'root' }))]
    for (const { purpose, state, expires_at, uses } of all) {
      if (state !== 'active' || expires_at === null) continue
      observeKey({ purpose, expiresInSeconds: (expires_at.getTime() - at.getTime()) / 1000, uses })
    }
    for (const { id, purpose, expires_at, uses, expired } of findWornKeys(all, at)) {
      const code = expired ? 'key-expired' : 'key-expiring'
      const name = `${code} ${id}`
      if (at.getTime() - (alerted.get(name) ?? Number.NEGATIVE_INFINITY) < DAY_MS) continue
      alerted.set(name, at.getTime())
      alert(code, { key: id, purpose, expires_at: expires_at?.toISOString(), uses, max_uses: MAX_USES })
    }
  }
}
