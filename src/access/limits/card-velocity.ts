import type { LimitsConfig } from '../../config/config.ts'
import type { Alert } from '../../observability/alert.ts'
import type { Caller } from '../policy/caller.ts'
import type { ProveCaller } from '../policy/presumption.ts'
import { type IncrementCounters, tooMany } from './counter.ts'
import type { LimitKeys } from './limit-keys.ts'

const WINDOW_MS = 60 * 1000
const BIN_DIGITS = 6

/** Card testing: an attacker tries many numbers to learn which of them exist (OWASP API6:2023). */
export interface CardVelocity {
  /**
   * Counts the cards of a request before they are validated: above the limit a valid and an invalid one, and anything
   * sent with them, get the same answer.
   *
   * @param cards what was sent in the place of cards, not parsed
   * @throws {Problem} too-many-requests
   */
  consume(caller: Caller, source: string, cards: readonly unknown[]): Promise<void>
}

export function createCardVelocity(
  deps: { increment: IncrementCounters; keyOf: LimitKeys; now: () => Date; alert: Alert; proveCaller: ProveCaller },
  { perClient, perSource, perBin }: LimitsConfig['cards'],
): CardVelocity {
  const count = (by: string, what: string, add: number, limit: number | undefined) =>
    limit === undefined ? [] : [{ by, what, limit, add, windowMs: WINDOW_MS }]

  return {
    async consume(caller, source, cards) {
      if (cards.length === 0) return
      const bins = Map.groupBy(cards.map(binOf), (bin) => bin)
      const limited = [
        ...count('client', caller.id, cards.length, perClient),
        ...count('source', source, cards.length, perSource),
        ...[...bins].flatMap(([bin, { length }]) => count('bin', `${caller.site}\n${bin}`, length, perBin)),
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

/** The first digits of what was sent as a card's number, however it is written; empty when there are too few. */
function binOf(card: unknown): string {
  const number: unknown = typeof card === 'object' && card !== null && 'number' in card ? card.number : card
  const digits = String(typeof number === 'string' || typeof number === 'number' ? number : '')
    .slice(0, 100)
    .replace(/\D/g, '')
  return digits.length < BIN_DIGITS ? '' : digits.slice(0, BIN_DIGITS)
}
