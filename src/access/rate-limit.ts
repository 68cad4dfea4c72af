import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import { Problem } from '../problem.ts'

/** Limits of the token endpoint for each source address. */
export interface RateLimits {
  /** All requests: a fleet behind one address asks once per client every five minutes. */
  requestsPerMinute: number
  /** Wrong secrets: generous for mistakes, hopeless for guessing 256 bits, and a bound on the work argon2 is made to do. */
  failuresPerMinute: number
}

export const defaultRateLimits: RateLimits = { requestsPerMinute: 600, failuresPerMinute: 120 }

export interface RateLimit {
  /** Counts a request. @throws {Problem} too-many-requests */
  spend(source: string): Promise<void>
  /** Counts a failure; the next request meets the limit. */
  spendFailure(source: string): Promise<void>
}

export function createRateLimit(limits: RateLimits = defaultRateLimits): RateLimit {
  const requests = new RateLimiterMemory({ points: limits.requestsPerMinute, duration: 60 })
  const failures = new RateLimiterMemory({ points: limits.failuresPerMinute, duration: 60 })
  return {
    async spend(source) {
      const failed = await failures.get(source)
      if (failed !== null && failed.consumedPoints >= limits.failuresPerMinute) throw refused(failed)
      await requests.consume(source).catch((result: RateLimiterRes | Error) => {
        throw result instanceof Error ? result : refused(result)
      })
    },
    async spendFailure(source) {
      await failures.penalty(source)
    },
  }
}

function refused(result: RateLimiterRes): Problem {
  return new Problem('too-many-requests', { retryAfterSeconds: Math.max(1, Math.ceil(result.msBeforeNext / 1000)) })
}
