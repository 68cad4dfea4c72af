import type { Caller } from '../policy/caller.ts'
import { type IncrementCounters, tooMany } from './counter.ts'
import type { LimitKeys } from './limit-keys.ts'

const MINUTE_MS = 60 * 1000
/** Longer than a session lives. */
const DAY_MS = 24 * 60 * MINUTE_MS

/** A page that breaks its policy reports a few times, and not again and again. In a minute. */
const REPORTS_PER_SOURCE = 60

/** How often a checkout may be sent in one session. */
export const MAX_ATTEMPTS = 10

/** Keeps checkout sessions from being opened without end, and each from being used to try card numbers. */
export interface SessionLimit {
  /** Counts a session before it is opened. @throws {Problem} too-many-requests */
  open(caller: Caller): Promise<void>
  /** Counts an attempt before it is validated. @returns whether there was one left */
  attempt(session: string): Promise<boolean>
  /** Counts a report of a browser on the pages of sessions. @throws {Problem} too-many-requests */
  report(source: string): Promise<void>
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
  const consume = async (kind: string, what: string, most: number) => {
    const { points, endsAt } = await count(kind, what, MINUTE_MS)
    if (points > most) throw tooMany(endsAt, deps.now())
  }
  return {
    open: (caller) => consume('sessions-by-client', caller.id, perClient),
    report: (source) => consume('csp-reports-by-source', source, REPORTS_PER_SOURCE),
    attempt: async (session) => (await count('attempts-by-session', session, DAY_MS)).points <= MAX_ATTEMPTS,
  }
}
