import { RateLimiterPostgres, type RateLimiterRes } from 'rate-limiter-flexible'
import type { Queryable } from '../database/database.ts'
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

/**
 * Counts in the database, so that the limits hold across processes and servers.
 *
 * @param pseudonym turns a source address into what is stored for it: addresses are personal data
 */
export function createRateLimit(
  database: Queryable,
  pseudonym: (source: string) => string,
  limits: RateLimits = defaultRateLimits,
): RateLimit {
  const shared = {
    storeClient: asClient(database),
    storeType: 'client',
    tableName: 'rate_limits',
    tableCreated: true,
    duration: 60,
    // `sweepTallies` does it, and says so when it fails.
    clearExpiredByTimeout: false,
  }
  const requests = new RateLimiterPostgres({ ...shared, keyPrefix: 'token-requests', points: limits.requestsPerMinute })
  const failures = new RateLimiterPostgres({ ...shared, keyPrefix: 'token-failures', points: limits.failuresPerMinute })
  return {
    async spend(source) {
      const key = pseudonym(source)
      const failed = await failures.get(key)
      if (failed !== null && failed.consumedPoints >= limits.failuresPerMinute) throw refused(failed)
      await requests.consume(key).catch((result: RateLimiterRes | Error) => {
        throw result instanceof Error ? result : refused(result)
      })
    },
    async spendFailure(source) {
      await failures.penalty(pseudonym(source))
    },
  }
}

/** The part of a `pg` client that the limiter uses. */
function asClient(database: Queryable) {
  return {
    query: async ({ name, text, values }: { name: string; text: string; values: unknown[] }) => {
      const rows = await database.query({ name, text }, values)
      return { rows, rowCount: rows.length }
    },
  }
}

function refused(result: RateLimiterRes): Problem {
  return new Problem('too-many-requests', { retryAfterSeconds: Math.max(1, Math.ceil(result.msBeforeNext / 1000)) })
}
