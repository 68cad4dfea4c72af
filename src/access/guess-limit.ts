import type { Caller } from './caller.ts'
import { type Tally, tooMany } from './tally.ts'

const HOUR_MS = 60 * 60 * 1000

/** Compares of one caller with one record, right or wrong: a person mistypes, a program counts through postal codes. */
export const defaultMatchesPerHour = 100

/** Keeps an answer of yes and no from being asked until it is an answer of what. */
export interface GuessLimit {
  /** Counts one comparison. @throws {Problem} too-many-requests */
  spend(caller: Caller, token: string): Promise<void>
}

export function createGuessLimit(
  deps: { tally: Tally; pseudonym: (text: string) => string; now: () => Date },
  matchesPerHour = defaultMatchesPerHour,
): GuessLimit {
  return {
    async spend(caller, token) {
      const key = `matches:${deps.pseudonym(`${caller.id}\n${token}`)}`
      const [counted] = await deps.tally([{ key, add: 1, windowMs: HOUR_MS }])
      if (counted && counted.points > matchesPerHour) throw tooMany(counted.endsAt, deps.now())
    },
  }
}
