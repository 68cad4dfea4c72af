import { REPLACE_FROM, wearOf } from '../key/cryptoperiod.ts'
import type { KeyPurpose, KeyRow } from '../key/key.ts'

/** Others verify what these keys sign, by public keys that the vault publishes. The vault replaces them by itself. */
export const publishedPurposes = [
  'token-signing',
  'message-signing',
  'receipt-signing',
  'script-signing',
] as const satisfies readonly KeyPurpose[]

export type PublishedPurpose = (typeof publishedPurposes)[number]

/** What has to be done about the keys of one of these purposes now. */
export type SigningStep =
  | { do: 'create' }
  | { do: 'replace' }
  | { do: 'promote'; id: string }
  | { do: 'destroy'; id: string }

const HOUR_MS = 60 * 60 * 1000
/**
 * How long a new public key is published before it signs. Verifiers elsewhere may keep the set for some time, third
 * parties for a day; the vault's own servers look up an unknown key.
 */
export const OVERLAP_MS: Readonly<Record<PublishedPurpose, number>> = {
  'token-signing': HOUR_MS,
  'message-signing': 24 * HOUR_MS,
  'receipt-signing': HOUR_MS,
  // It is published when it signs: a page that pinned it before would load nothing.
  'script-signing': HOUR_MS,
}
const YEAR_MS = 365 * 24 * HOUR_MS
/**
 * How long a replaced key goes on signing the script of shops beside the current one, so that a page that pins it works
 * until the shop has changed it. Shops change their pages a few times a year.
 */
export const SCRIPT_OVERLAP_MS = 90 * 24 * HOUR_MS
/** How long after its last signature something is verified at the latest. A person may show a receipt years later. */
const LONGEST_MS: Readonly<Record<Exclude<PublishedPurpose, 'token-signing'>, number>> = {
  'message-signing': 24 * HOUR_MS,
  'receipt-signing': 10 * YEAR_MS,
  'script-signing': SCRIPT_OVERLAP_MS,
}
/** Clocks of servers differ. */
const TOLERANCE_MS = 60 * 1000

/**
 * A new key is made at 80 % of the cryptoperiod and signs after the overlap; the old one is destroyed when its last
 * signature has been verified. If the vault was stopped all that time and no key may sign, the new key signs at once.
 */
export function planSigningKeys(
  purpose: PublishedPurpose,
  rows: readonly KeyRow[],
  now: Date,
  longestTokenSeconds: number,
): SigningStep[] {
  const keys = rows.filter((key) => key.purpose === purpose)
  const active = keys.find(({ state }) => state === 'active')
  const next = keys.findLast(({ state }) => state === 'pre-active')
  const wear = active === undefined ? 1 : wearOf(active, now)
  return [
    ...keys
      .filter((key) => hasOutlivedItsSignatures(key, now, longestTokenSeconds))
      .map(({ id }) => ({ do: 'destroy' as const, id })),
    ...stepsTowards(next, wear, now, OVERLAP_MS[purpose]),
  ]
}

function stepsTowards(next: KeyRow | undefined, wear: number, now: Date, overlapMs: number): SigningStep[] {
  if (next !== undefined) {
    const isKnown = now.getTime() - next.created_at.getTime() >= overlapMs
    return isKnown || wear >= 1 ? [{ do: 'promote', id: next.id }] : []
  }
  if (wear >= 1) return [{ do: 'replace' }]
  return wear >= REPLACE_FROM ? [{ do: 'create' }] : []
}

/**
 * Whether everything that a deactivated key has signed was verified: tokens have expired, messages have arrived,
 * receipts are old, pages pin another key.
 */
export function hasOutlivedItsSignatures(key: KeyRow, now: Date, longestTokenSeconds: number): boolean {
  const { purpose } = key
  if (key.state !== 'deactivated' || key.deactivated_at === null || !isPublishedPurpose(purpose)) return false
  const longestMs = purpose === 'token-signing' ? longestTokenSeconds * 1000 : LONGEST_MS[purpose]
  return now.getTime() > key.deactivated_at.getTime() + longestMs + TOLERANCE_MS
}

export function isPublishedPurpose(purpose: KeyPurpose): purpose is PublishedPurpose {
  return (publishedPurposes as readonly KeyPurpose[]).includes(purpose)
}
