import type { LimitsConfig } from '../../config/config-sections.ts'
import type { Database } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import type { Caller } from '../policy/caller.ts'
import { type IncrementCounters, tooMany } from './counter.ts'
import type { LimitKeys } from './limit-keys.ts'
import { createReservations, type Reservation } from './reservation.ts'
import type { WindowState } from './reservation-batches.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const MONTH_MS = 30 * DAY_MS

/** Compares of one caller with one record, right or wrong: a person mistypes, a program counts through postal codes. */
const defaultMatchesPerHour = 100

/** Keeps a caller from finding a value by asking yes-or-no questions. */
export interface GuessLimit {
  /** Counts one comparison, before the work. @throws {Problem} too-many-requests */
  consume(caller: Caller, token: string): Promise<void>
  /**
   * Counts a comparison as a wrong answer about each of the records until it is settled.
   *
   * @throws {Problem} too-many-requests, busy
   */
  reserve(caller: Caller, tokens: readonly string[]): Promise<Guess>
}

interface Guess {
  /** Call it once, before the answer leaves. It gives back what was not wrong. */
  settle(outcome: 'wrong' | 'not-wrong'): Promise<void>
}

export function createGuessLimit(
  deps: { database: Database; increment: IncrementCounters; keyOf: LimitKeys; now: () => Date; alert: Alert },
  { perCaller, perRecord }: LimitsConfig['wrongMatches'],
  matchesPerHour = defaultMatchesPerHour,
): GuessLimit {
  const { increment, keyOf, now, alert } = deps
  const table = 'kept_limits'
  const counts = {
    caller: {
      most: perCaller,
      of: createReservations(
        { ...deps, keyOf: (text) => keyOf('wrong-matches-by-caller', text) },
        { table, most: perCaller, windowMs: DAY_MS },
      ),
    },
    record: {
      most: perRecord,
      of: createReservations(
        { ...deps, keyOf: (text) => keyOf('wrong-matches', text) },
        { table, most: perRecord, windowMs: MONTH_MS },
      ),
    },
  }

  function tell(by: keyof typeof counts, caller: Caller, token: string, standing: WindowState | undefined): void {
    const { most } = counts[by]
    // Each count is met once, so this is logged once in a window.
    if (standing?.points !== Math.ceil(most / 2)) return
    alert('record-guessed', { caller: caller.id, role: caller.role, token, by, wrong: standing.points, limit: most })
  }

  return {
    async consume(caller, token) {
      const key = await keyOf('matches', `${caller.id}\n${token}`)
      const [counted] = await increment([{ key, add: 1, windowMs: HOUR_MS }])
      if (counted && counted.points > matchesPerHour) throw tooMany(counted.endsAt, now())
    },
    async reserve(caller, tokens) {
      const held: { by: keyof typeof counts; token: string; reservation: Reservation }[] = []
      const settle = async (counted: number) => {
        await Promise.all(
          held.map(async ({ by, token, reservation }) => {
            const standing = await reservation.settle(counted)
            if (counted > 0) tell(by, caller, token, standing)
          }),
        )
      }
      try {
        for (const token of [...new Set(tokens)].sort()) {
          const byCaller = await counts.caller.of.reserve(`${caller.id}\n${token}`)
          held.push({ by: 'caller', token, reservation: byCaller })
          held.push({ by: 'record', token, reservation: await counts.record.of.reserve(token) })
        }
      } catch (error) {
        await settle(0)
        throw error
      }
      return { settle: (outcome) => settle(outcome === 'wrong' ? 1 : 0) }
    },
  }
}
