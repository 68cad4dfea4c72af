import type { Alert } from '../alert.ts'
import type { Caller } from './caller.ts'
import { type Tally, tooMany } from './tally.ts'

const WINDOW_MS = 10 * 60 * 1000

/** Tokens that do not exist and searches that find nothing, in ten minutes: mistakes are few, enumeration is not. */
export const defaultProbesPerTenMinutes = 300

/** More callers than that are not held back at the same time. */
const MAX_HELD_BACK = 10_000

export interface ProbeLimit {
  /** @throws {Problem} too-many-requests, to a caller that this server knows to be over the limit */
  check(caller: Caller): void
  /** Counts what a caller asked for and does not exist. */
  spend(caller: Caller, count: number): Promise<void>
}

/**
 * Counts in the database what does not exist, and only that: whoever asks for what there is costs no statement. A server
 * learns that a caller is over the limit from the next unknown token that it is asked for, so the limit over several
 * servers is exceeded by at most one for each.
 */
export function createProbeLimit(
  deps: { tally: Tally; pseudonym: (text: string) => string; now: () => Date; alert: Alert },
  probesPerTenMinutes = defaultProbesPerTenMinutes,
): ProbeLimit {
  const heldBack = new Map<string, number>()
  return {
    check({ id }) {
      const endsAt = heldBack.get(id)
      if (endsAt === undefined) return
      const now = deps.now()
      if (now.getTime() < endsAt) throw tooMany(endsAt, now)
      heldBack.delete(id)
    },
    async spend({ id, role }, count) {
      if (count === 0) return
      const key = `probes:${deps.pseudonym(id)}`
      const [counted] = await deps.tally([{ key, add: count, windowMs: WINDOW_MS }])
      if (counted === undefined || counted.points < probesPerTenMinutes) return
      const isNews = !heldBack.has(id)
      heldBack.set(id, counted.endsAt)
      if (heldBack.size > MAX_HELD_BACK) heldBack.delete(heldBack.keys().next().value!)
      if (isNews) deps.alert('records-probed', { caller: id, role, probes: counted.points, limit: probesPerTenMinutes })
    },
  }
}
