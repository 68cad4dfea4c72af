import type { Database } from '../database/database.ts'
import type { AuditCaller, NewAuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'
import { insertMissing, markResumed } from './missing-store.ts'
import type { MissingNumbers } from './number-tracker.ts'
import { describeMissing, type ReleaseGate } from './release-gate.ts'

/** An entry of a bundle has 65,535 bytes at the most (C2SP tlog-tiles), and a range some sixty. */
const MOST_NAMED = 500

export interface ResumeDeps {
  database: Database
  newAuditEvent: NewAuditEvent
  now: () => Date
  gate: ReleaseGate
}

/**
 * Lets releases go on after events were found to be gone: an operator has looked why. The event of it names them, and they stay
 * a finding of `audit verify`.
 *
 * @returns what is missing, none when nothing stands in the way
 */
export async function resumeReleases(deps: ResumeDeps, operator: AuditCaller): Promise<MissingNumbers[]> {
  const { database, newAuditEvent, now, gate } = deps
  await gate.look(database)
  const { missing } = gate
  for (let at = 0; at < missing.length; at += MOST_NAMED) {
    const some = missing.slice(at, at + MOST_NAMED)
    const facts = { type: 'audit.resume', outcome: 'success', caller: operator } as const
    const event = newAuditEvent({ ...facts, count: countOf(some), missing: some.map(describeMissing) })
    await database.transaction(async (tx) => {
      await insertEvents(tx, [event])
      for (const one of some) {
        // Its row may have been removed by somebody else.
        await insertMissing(tx, one, now())
        await markResumed(tx, one, event.id)
      }
    })
  }
  await gate.look(database)
  return [...missing]
}

function countOf(missing: readonly MissingNumbers[]): number {
  return missing.reduce((sum, { from, to }) => sum + to - from + 1, 0)
}
