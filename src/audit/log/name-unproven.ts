import type { Queryable } from '../../database/database.ts'
import type { AuditCaller, NewAuditEvent } from '../event/audit-event.ts'
import { insertEvents } from '../event/audit-store.ts'
import { MOST_NAMED, nameEvent } from '../event/named-event.ts'
import type { PlacedEvent } from './log-store.ts'

const VAULT: AuditCaller = { id: 'strongroom', kind: 'vault' }

/** Says of events that commands without keys may have written that nothing proves them. They stay out of the log. */
export async function nameUnproven(
  db: Queryable,
  newAuditEvent: NewAuditEvent,
  unproven: readonly PlacedEvent[],
): Promise<void> {
  for (let at = 0; at < unproven.length; at += MOST_NAMED) {
    const events = unproven.slice(at, at + MOST_NAMED).map(nameEvent)
    const facts = { type: 'audit.unproven', outcome: 'success', caller: VAULT } as const
    await insertEvents(db, [newAuditEvent({ ...facts, count: events.length, events })])
  }
}
