import { REPLACE_FROM, wearOf } from '../key/cryptoperiod.ts'
import type { KeyRow } from '../key/key.ts'

/** What has to be done about the token-signing keys now. */
export type SigningStep =
  | { do: 'create' }
  | { do: 'replace' }
  | { do: 'promote'; id: string }
  | { do: 'destroy'; id: string }

/**
 * How long a new public key is in the JWK Set before it signs. Verifiers elsewhere may keep the set for some time; the
 * vault's own servers look up an unknown key.
 */
export const JWKS_OVERLAP_MS = 60 * 60 * 1000
/** Clocks of servers differ. */
const TOLERANCE_MS = 60 * 1000

/**
 * A new key is made at 80 % of the cryptoperiod and signs an hour later; the old one is destroyed when its last token
 * has expired. If the vault was stopped all that time and no key may sign, the new key signs at once.
 */
export function planSigningKeys(rows: readonly KeyRow[], now: Date, longestTokenSeconds: number): SigningStep[] {
  const keys = rows.filter(({ purpose }) => purpose === 'token-signing')
  const active = keys.find(({ state }) => state === 'active')
  const next = keys.findLast(({ state }) => state === 'pre-active')
  const wear = active === undefined ? 1 : wearOf(active, now)
  return [
    ...keys
      .filter((key) => hasOutlivedItsTokens(key, now, longestTokenSeconds))
      .map(({ id }) => ({ do: 'destroy' as const, id })),
    ...stepsTowards(next, wear, now),
  ]
}

function stepsTowards(next: KeyRow | undefined, wear: number, now: Date): SigningStep[] {
  if (next !== undefined) {
    const isKnown = now.getTime() - next.created_at.getTime() >= JWKS_OVERLAP_MS
    return isKnown || wear >= 1 ? [{ do: 'promote', id: next.id }] : []
  }
  if (wear >= 1) return [{ do: 'replace' }]
  return wear >= REPLACE_FROM ? [{ do: 'create' }] : []
}

/** Whether every token that a deactivated key has signed has expired. */
export function hasOutlivedItsTokens(key: KeyRow, now: Date, longestTokenSeconds: number): boolean {
  if (key.state !== 'deactivated' || key.deactivated_at === null) return false
  return now.getTime() > key.deactivated_at.getTime() + longestTokenSeconds * 1000 + TOLERANCE_MS
}
