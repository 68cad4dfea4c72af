import type { LimitsConfig } from '../../config/config-sections.ts'
import type { Alert } from '../../observability/alert.ts'
import type { Caller, ProveCaller } from '../policy/caller.ts'
import { type IncrementCounters, tooMany } from './counter.ts'
import type { LimitKeys } from './limit-keys.ts'

const WINDOW_MS = 60 * 1000

/** Card testing: an attacker tries many numbers to learn which of them exist (OWASP API6:2023). */
export interface CardVelocity {
  /**
   * Counts the cards of a request before they are validated: above the limit a valid and an invalid one, and anything
   * sent with them, get the same answer.
   *
   * @param ranges of each card the range that its number is in (`rangeOf` of its kind)
   * @throws {Problem} too-many-requests
   */
  consume(caller: Caller, source: string, ranges: readonly string[]): Promise<void>
}

export function createCardVelocity(
  deps: { increment: IncrementCounters; keyOf: LimitKeys; now: () => Date; alert: Alert; proveCaller: ProveCaller },
  { perClient, perSource, perBin }: LimitsConfig['cards'],
): CardVelocity {
  const count = (by: string, what: string, add: number, limit: number | undefined) =>
    limit === undefined ? [] : [{ by, what, limit, add, windowMs: WINDOW_MS }]

  return {
    async consume(caller, source, ranges) {
      if (ranges.length === 0) return
      const byRange = Map.groupBy(ranges, (range) => range)
      const limited = [
        ...count('client', caller.id, ranges.length, perClient),
        ...count('source', source, ranges.length, perSource),
        ...[...byRange].flatMap(([range, { length }]) => count('bin', `${caller.site}\n${range}`, length, perBin)),
      ]
      if (limited.length > 0) await deps.proveCaller(caller)
      const counts = await Promise.all(
        limited.map(async ({ what, ...rest }) => ({ ...rest, key: await deps.keyOf(`cards-by-${rest.by}`, what) })),
      )
      const counted = await deps.increment(counts)
      const over = counts.flatMap(({ by, limit, add }, at) => {
        const { points, endsAt } = counted[at]!
        return points > limit ? [{ by, limit, endsAt, isNews: points - add <= limit }] : []
      })
      for (const { by, limit, isNews } of over) {
        if (isNews) deps.alert('card-testing', { caller: caller.id, by, limit })
      }
      if (over.length > 0) throw tooMany(Math.max(...over.map(({ endsAt }) => endsAt)), deps.now())
    },
  }
}
