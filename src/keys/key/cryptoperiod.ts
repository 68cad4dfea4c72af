import type { KeyPurpose } from './key.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** How long a key protects, from its activation (NIST SP 800-57 part 1, section 5.3.6, table 1; PCI DSS 3.7.4). */
const CRYPTOPERIOD_DAYS: Readonly<Record<KeyPurpose | 'root', number>> = {
  root: 365,
  display: 365,
  secret: 365,
  index: 730,
  'card-index': 730,
  'token-signing': 90,
  'audit-signing': 365,
  'certificate-signing': 365,
  'message-signing': 365,
  'receipt-signing': 365,
  'script-signing': 365,
  'registry-mac': 365,
  'access-mac': 365,
  'event-mac': 365,
  'limit-mac': 365,
}

/** Half of what SP 800-38D section 8.3 allows under random 96-bit nonces; one limit for all keys. */
export const MAX_USES = 2 ** 31

/** From this part of its cryptoperiod or uses on, a key should be replaced. */
export const REPLACE_FROM = 0.8

/** When a key that is activated at that moment stops protecting. */
export function expiryOf(purpose: KeyPurpose | 'root', activatedAt: Date): Date {
  return new Date(activatedAt.getTime() + CRYPTOPERIOD_DAYS[purpose] * DAY_MS)
}

/** How much of its cryptoperiod has passed: 1 and more is expired. A key that was never activated has none. */
function ageOf(key: { activated_at: Date | null; expires_at: Date | null }, now: Date): number {
  if (key.activated_at === null || key.expires_at === null) return 0
  const [from, to] = [key.activated_at.getTime(), key.expires_at.getTime()]
  return (now.getTime() - from) / (to - from)
}

/** How much of a key's time or uses is over, whichever is more. At 1 the key has expired. */
export function wearOf(
  key: { activated_at: Date | null; expires_at: Date | null; uses: number; uses_reserved?: number },
  now: Date,
): number {
  return Math.max(ageOf(key, now), (key.uses + (key.uses_reserved ?? 0)) / MAX_USES)
}
