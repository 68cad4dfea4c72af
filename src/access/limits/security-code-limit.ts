import type { Caller } from '../policy/caller.ts'
import { type IncrementCounters, tooMany } from './counter.ts'
import type { LimitKeys } from './limit-keys.ts'

const WINDOW_MS = 60 * 1000

/** Keeps a caller from filling the memory of the database with security codes. */
export interface SecurityCodeLimit {
  /** Counts a code before it is validated. @throws {Problem} too-many-requests */
  consume(caller: Caller): Promise<void>
}

/** @param perClient how many codes a client may send in a minute */
export function createSecurityCodeLimit(
  deps: { increment: IncrementCounters; keyOf: LimitKeys; now: () => Date },
  perClient: number,
): SecurityCodeLimit {
  return {
    async consume({ id }) {
      const key = await deps.keyOf('security-codes-by-client', id)
      const [counted] = await deps.increment([{ key, add: 1, windowMs: WINDOW_MS }])
      if (counted!.points > perClient) throw tooMany(counted!.endsAt, deps.now())
    },
  }
}
