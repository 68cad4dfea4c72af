import type { Caller } from '../policy/caller.ts'
import { type IncrementCounters, tooMany } from './counter.ts'
import type { LimitKeys } from './limit-keys.ts'

const MINUTE_MS = 60 * 1000
/** Longer than a session lives. */
const DAY_MS = 24 * 60 * MINUTE_MS

/** How often a checkout may be sent in one session. */
export const MAX_ATTEMPTS = 10

/** Keeps checkout sessions from being opened without end, and each from being used to try card numbers. */
export interface SessionLimit {
  /** Counts a session before it is opened. @throws {Problem} too-many-requests */
  open(caller: Caller): Promise<void>
  /** Counts an attempt before it is validated. @returns whether there was one left */
  attempt(session: string): Promise<boolean>
}

/** @param perClient how many sessions a client may open in a minute */
export function createSessionLimit(
  deps: { increment: IncrementCounters; keyOf: LimitKeys; now: () => Date },
  perClient: number,
): SessionLimit {
  const count = async (kind: string, what: string, windowMs: number) => {
    const [counted] = await deps.increment([{ key: await deps.keyOf(kind, what), add: 1, windowMs }])
    return counted!
  }
  return {
    async open(caller) {
      const { points, endsAt } = await count('sessions-by-client', caller.id, MINUTE_MS)
      if (points > perClient) throw tooMany(endsAt, deps.now())
    },
    attempt: async (session) => (await count('attempts-by-session', session, DAY_MS)).points <= MAX_ATTEMPTS,
  }
}
