import type { Database } from '../../database/database.ts'
import { type IncrementCounters, tooMany } from './counter.ts'
import type { LimitKeys } from './limit-keys.ts'
import { createReservations } from './reservation.ts'

const WINDOW_MS = 60 * 1000

/** Limits of the token endpoint for each source address. */
export interface RateLimits {
  /** All requests: a fleet at one address asks once per client every five minutes. */
  requestsPerMinute: number
  /** Wrong secrets: enough for mistakes, far too few for guessing 256 bits, and a limit on the work of argon2. */
  failuresPerMinute: number
}

export const defaultRateLimits: RateLimits = { requestsPerMinute: 600, failuresPerMinute: 120 }

export interface RateLimit {
  /**
   * Counts a request, and until it is settled a failure. While others in flight may still prove right, it waits for them.
   *
   * @throws {Problem} too-many-requests, busy
   */
  consume(source: string): Promise<LogIn>
}

/** A request for a token, before it is known whether the client proves itself. */
interface LogIn {
  /** Settles the request; call it once, before the answer leaves. A request that has not failed is given back. */
  settle(outcome: 'failed' | 'not-failed'): Promise<void>
}

/** Counts in the database, so that the limits hold across processes and servers. */
export function createRateLimit(
  deps: { database: Database; increment: IncrementCounters; keyOf: LimitKeys; now: () => Date },
  { requestsPerMinute, failuresPerMinute }: RateLimits = defaultRateLimits,
): RateLimit {
  const { increment, keyOf, now } = deps
  const failures = createReservations(
    { ...deps, keyOf: (source) => keyOf('token-failures', source) },
    { table: 'rate_limits', most: failuresPerMinute, windowMs: WINDOW_MS },
  )
  return {
    async consume(source) {
      const key = await keyOf('token-requests', source)
      const [requests] = await increment([{ key, add: 1, windowMs: WINDOW_MS }])
      if (requests && requests.points > requestsPerMinute) throw tooMany(requests.endsAt, now())
      const failure = await failures.reserve(source)
      return {
        async settle(outcome) {
          await failure.settle(outcome === 'failed' ? 1 : 0)
        },
      }
    },
  }
}
