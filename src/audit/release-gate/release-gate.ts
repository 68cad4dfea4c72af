import type { Queryable } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import { describeMissing, parseMissing } from '../completeness/missing-name.ts'
import { selectMissing, selectStops, type UnverifiedStop } from '../completeness/missing-store.ts'
import type { MissingNumbers } from '../completeness/number-tracker.ts'
import { isProven, type ProofKeys } from '../log/proven-event.ts'

/**
 * Refuses every release from the moment that an event is found missing until an operator has looked and resumes.
 * Storing records is not a release, so it goes on.
 *
 * The log says what stops releases (`audit.missing`) and what resumes them (`audit.resume`). Only events that are
 * proven to be the vault's count. The table `audit_missing` only adds to them.
 */
export interface ReleaseGate {
  /** @throws {Problem} audit-unavailable */
  requireOpen(): void
  /** The missing numbers that no operator has answered, as far as this process knows. */
  readonly missing: readonly MissingNumbers[]
  /** The ids of the events that say so. */
  readonly reports: readonly string[]
  close(missing: readonly MissingNumbers[]): void
  /** Reads what other processes have found, and whether an operator has answered. @throws {Problem} sealed */
  look(db: Queryable): Promise<void>
}

/** What such an event says. */
interface Stop {
  id: string
  type: UnverifiedStop['type']
  /** Numbers, as events name them. */
  missing: readonly string[]
  /** For an `audit.resume`: the `audit.missing` events that it answers. */
  events: readonly string[]
}

export function createReleaseGate(keys: ProofKeys): ReleaseGate {
  /** A stop that was seen once stays, even if its row or its event is removed. */
  const known = new Map<string, MissingNumbers>()
  let reports: readonly string[] = []
  /** The bodies of events that are proven, by their ids: it is not looked up again. */
  const proven = new Map<string, string>()

  async function readStops(db: Queryable): Promise<Stop[]> {
    const stops: Stop[] = []
    for (const event of await selectStops(db)) {
      if (proven.get(event.id) !== event.body && !(await isProven(db, event, keys))) continue
      proven.set(event.id, event.body)
      const { type, missing = [], events = [] } = JSON.parse(event.body) as Partial<Stop>
      if (type === event.type) stops.push({ id: event.id, type, missing, events })
    }
    return stops
  }

  return {
    requireOpen() {
      if (known.size > 0) throw new Problem('audit-unavailable')
    },
    get missing() {
      return [...known.values()]
    },
    get reports() {
      return reports
    },
    close(missing) {
      for (const one of missing) known.set(describeMissing(one), one)
    },
    async look(db) {
      const rows = await selectMissing(db)
      const stops = await readStops(db)
      const resumes = stops.filter(({ type }) => type === 'audit.resume')
      const answered = new Set(resumes.flatMap(({ events }) => events))
      const seenTo = new Set(resumes.flatMap(({ missing }) => missing))
      const open = stops.filter(({ id, type }) => type === 'audit.missing' && !answered.has(id))
      // The same numbers may be missing again after an operator has looked.
      const named = new Set(open.flatMap(({ missing }) => missing))
      const found = [...named].map(parseMissing).filter((one) => one !== undefined)
      for (const one of [...rows, ...found]) known.set(describeMissing(one), one)
      for (const name of known.keys()) if (seenTo.has(name) && !named.has(name)) known.delete(name)
      reports = open.map(({ id }) => id)
    },
  }
}
