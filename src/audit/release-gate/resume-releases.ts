import type { Database } from '../../database/database.ts'
import { countMissing, describeMissing, MOST_NAMES } from '../completeness/missing-name.ts'
import { insertMissing, markResumed } from '../completeness/missing-store.ts'
import type { MissingNumbers } from '../completeness/number-tracker.ts'
import type { AuditCaller, NewAuditEvent } from '../event/audit-event.ts'
import { insertEvents } from '../event/audit-store.ts'
import type { ReleaseGate } from './release-gate.ts'

export interface ResumeDeps {
  database: Database
  newAuditEvent: NewAuditEvent
  now: () => Date
  gate: ReleaseGate
}

/**
 * Resumes releases after an operator has looked at why events are missing. Its event names them, and the events that it
 * answers. They stay a finding of `audit verify`.
 *
 * @returns what is missing; empty if nothing stops releases
 */
export async function resumeReleases(deps: ResumeDeps, operator: AuditCaller): Promise<MissingNumbers[]> {
  const { database, newAuditEvent, now, gate } = deps
  await gate.look(database)
  const { missing, reports } = gate
  for (let at = 0; at < Math.max(missing.length, reports.length); at += MOST_NAMES) {
    const some = missing.slice(at, at + MOST_NAMES)
    const events = reports.slice(at, at + MOST_NAMES)
    const facts = { type: 'audit.resume', outcome: 'success', caller: operator } as const
    const event = newAuditEvent({
      ...facts,
      count: countMissing(some),
      missing: some.map(describeMissing),
      events: events.length > 0 ? events : undefined,
    })
    await database.transaction(async (tx) => {
      await insertEvents(tx, [event])
      for (const one of some) {
        // Its row may have been removed by others.
        await insertMissing(tx, one, now())
        await markResumed(tx, one, event.id)
      }
    })
  }
  await gate.look(database)
  return [...missing]
}
