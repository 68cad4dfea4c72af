import type { Queryable } from '../database/database.ts'
import type { AuditCaller, NewAuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'
import { selectWaitingWithoutMac } from './log-store.ts'

/** Stands in the manifest of the key registry once nothing but a MAC shows that an event is the vault's. */
export const EVENT_MACS = 'event-macs'

/** An entry of a bundle has 65,535 bytes at the most (C2SP tlog-tiles), and an id thirty. */
const MOST_NAMED = 1_000

const VAULT: AuditCaller = { id: 'strongroom', kind: 'vault' }

/**
 * Takes the events into the log that a version before has left without MACs, as they stand, by an event that names them. It is
 * done once in a vault: whoever calls remembers it.
 */
export async function acceptWaiting(tx: Queryable, newAuditEvent: NewAuditEvent): Promise<void> {
  const waiting = await selectWaitingWithoutMac(tx)
  for (let at = 0; at < waiting.length; at += MOST_NAMED) {
    const events = waiting.slice(at, at + MOST_NAMED)
    const facts = { type: 'migrate', outcome: 'success', caller: VAULT, subject: EVENT_MACS } as const
    await insertEvents(tx, [newAuditEvent({ ...facts, count: events.length, events })])
  }
}
