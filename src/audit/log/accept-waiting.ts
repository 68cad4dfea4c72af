import type { Queryable } from '../../database/database.ts'
import type { AuditCaller, NewAuditEvent } from '../event/audit-event.ts'
import { insertEvents } from '../event/audit-store.ts'
import { MOST_NAMED, nameEvent } from '../event/named-event.ts'
import { selectWaitingWithoutMac } from './waiting-store.ts'

/** In the manifest of the key registry once a MAC is the only proof that an event is the vault's. */
export const EVENT_MACS = 'event-macs'

/** In the manifest once every process claims how far it has numbered its events. */
export const EVENT_CLAIMS = 'event-claims'

const VAULT: AuditCaller = { id: 'strongroom', kind: 'vault' }

/**
 * Takes events without MACs, which an earlier version left, into the log as they are, by an event that names them. This
 * happens once in a vault; the caller remembers it.
 */
export async function acceptWaiting(tx: Queryable, newAuditEvent: NewAuditEvent): Promise<void> {
  const waiting = await selectWaitingWithoutMac(tx)
  for (let at = 0; at < waiting.length; at += MOST_NAMED) {
    const events = waiting.slice(at, at + MOST_NAMED).map(nameEvent)
    const facts = { type: 'migrate', outcome: 'success', caller: VAULT, subject: EVENT_MACS } as const
    await insertEvents(tx, [newAuditEvent({ ...facts, count: events.length, events })])
  }
}
