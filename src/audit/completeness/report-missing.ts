import type { Queryable } from '../../database/database.ts'
import { type NewAuditEvent, VAULT } from '../event/audit-event.ts'
import { insertEvents } from '../event/audit-store.ts'
import { countMissing, describeMissing, MOST_NAMES } from './missing-name.ts'
import { insertMissing } from './missing-store.ts'
import type { MissingNumbers } from './number-tracker.ts'

/**
 * Writes into the log that events are missing. These events stop releases, whatever happens to the table that repeats
 * them.
 */
export async function reportMissing(
  db: Queryable,
  { newAuditEvent, now }: { newAuditEvent: NewAuditEvent; now: () => Date },
  missing: readonly MissingNumbers[],
): Promise<void> {
  for (let at = 0; at < missing.length; at += MOST_NAMES) {
    const some = missing.slice(at, at + MOST_NAMES)
    const facts = { type: 'audit.missing', outcome: 'failed', caller: VAULT } as const
    const event = newAuditEvent({ ...facts, count: countMissing(some), missing: some.map(describeMissing) })
    await insertEvents(db, [event])
    for (const one of some) await insertMissing(db, one, now())
  }
}
