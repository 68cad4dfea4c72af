import type { Database, Queryable } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import type { Caller, ProveCaller } from '../policy/caller.ts'
import type { LimitKeys } from './limit-keys.ts'
import { createReservations } from './reservation.ts'

const WINDOW_MS = 10 * 60 * 1000

/** Tokens that do not exist and searches that find nothing, in ten minutes: mistakes are few, enumeration is not. */
const defaultProbesPerTenMinutes = 300

export interface ProbeLimit {
  /** @throws {Problem} too-many-requests, to a caller that this server knows to be over the limit */
  check(caller: Caller): void
  /** Lets a caller that is held back continue, within seconds on every server. False if it has missed nothing. */
  lift(tx: Queryable, caller: string): Promise<boolean>
  /**
   * Runs work that looks something up. Until it ends, each look-up counts as a miss; afterwards only real misses do.
   *
   * @param misses how many of the look-ups found nothing; work that throws `record-not-found` has missed once
   * @throws {Problem} too-many-requests, busy, before the work; and what the work throws
   */
  lookUp<T>(caller: Caller, lookUps: number, work: () => Promise<T>, misses: (result: T) => number): Promise<T>
  /** Leaves what this server keeps for its callers to the other servers. */
  close(): Promise<void>
}

/**
 * Counts the records that a caller asks for and that do not exist. Above the limit no answer leaves, hit or miss, on
 * any number of servers. A caller that reaches the limit again within a day is held back twice as long each time.
 *
 * A caller that asks for existing records costs no statement while it keeps asking: the units that its look-ups gave
 * back stay reserved for this server.
 */
export function createProbeLimit(
  deps: { database: Database; keyOf: LimitKeys; now: () => Date; alert: Alert; proveCaller: ProveCaller },
  most = defaultProbesPerTenMinutes,
): ProbeLimit {
  const { keyOf, now, alert, proveCaller } = deps
  const probes = createReservations(
    { ...deps, keyOf: (caller) => keyOf('probes', caller) },
    { table: 'rate_limits', most, windowMs: WINDOW_MS, growingPauses: true },
    { keepsFree: true },
  )
  return {
    check: ({ id }) => probes.check(id),
    lift: (tx, caller) => probes.forget(tx, caller),
    close: probes.close,
    async lookUp(caller, lookUps, work, misses) {
      const { id, role } = caller
      const reservation = await probes.reserve(id, lookUps)
      let missed = 0
      try {
        const result = await work()
        const missing = misses(result)
        if (missing > 0) await proveCaller(caller)
        missed = missing
        return result
      } catch (error) {
        if (error instanceof Problem && error.code === 'record-not-found') {
          await proveCaller(caller)
          missed = 1
        }
        throw error
      } finally {
        const standing = await reservation.settle(missed)
        if (standing && standing.points >= most && standing.points - missed < most) {
          const seconds = Math.ceil((standing.endsAt - now().getTime()) / 1000)
          alert('records-probed', { caller: id, role, probes: standing.points, limit: most, seconds })
        }
      }
    },
  }
}
