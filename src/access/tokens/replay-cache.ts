import { createHash } from 'node:crypto'
import type { RememberedJti } from '../policy/presumption.ts'

/**
 * Remembers the id, and answers whether it is new on every server. Committed before it resolves, so that a crash
 * forgets nothing.
 *
 * @throws {Problem} database-unavailable, busy: then the statement must not be accepted
 */
export type RememberJti = (spent: RememberedJti) => Promise<boolean>

/** Servers' clocks differ: an id is remembered for so much longer than its statement is good for. */
const MARGIN_SECONDS = 300

/**
 * @param signer who chose the jti: each has a space of their own
 * @param untilSeconds when the statement expires, in seconds since 1970
 */
export function rememberedJti(
  use: 'client-assertion' | 'dpop',
  signer: string,
  jti: string,
  untilSeconds: number,
): RememberedJti {
  return {
    // A JSON array has one reading, whatever the texts contain.
    id: createHash('sha256')
      .update(JSON.stringify([use, signer, jti]))
      .digest(),
    expiresAt: new Date((untilSeconds + MARGIN_SECONDS) * 1000),
  }
}
