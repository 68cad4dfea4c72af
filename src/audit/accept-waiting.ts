import type { Queryable } from '../database/database.ts'
import type { AuditCaller, NewAuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'
import type { SignedClaim } from './book.ts'
import { insertClaim } from './claim-store.ts'
import { claimText } from './event-book.ts'
import { MOST_NAMED, nameEvent } from './named-event.ts'
import { NumberRanges } from './number-ranges.ts'
import { selectUnclaimed, selectWaitingWithoutMac } from './waiting-store.ts'

/** Stands in the manifest of the key registry once nothing but a MAC shows that an event is the vault's. */
export const EVENT_MACS = 'event-macs'

/** Stands there once every process claims how far it has numbered its events. */
export const EVENT_CLAIMS = 'event-claims'

const VAULT: AuditCaller = { id: 'strongroom', kind: 'vault' }

/**
 * Takes the events into the log that a version before has left without MACs, as they stand, by an event that names them. It is
 * done once in a vault: the caller remembers it.
 */
export async function acceptWaiting(tx: Queryable, newAuditEvent: NewAuditEvent): Promise<void> {
  const waiting = await selectWaitingWithoutMac(tx)
  for (let at = 0; at < waiting.length; at += MOST_NAMED) {
    const events = waiting.slice(at, at + MOST_NAMED).map(nameEvent)
    const facts = { type: 'migrate', outcome: 'success', caller: VAULT, subject: EVENT_MACS } as const
    await insertEvents(tx, [newAuditEvent({ ...facts, count: events.length, events })])
  }
}

/** Claims for processes of a version before, which claimed nothing, that they are over. It is done once in a vault, too. */
export async function claimForOthers(tx: Queryable, sign: (claim: string) => SignedClaim['mac']): Promise<void> {
  for (const process of await selectUnclaimed(tx)) {
    const nothing = { skipped: new NumberRanges(), lost: new NumberRanges(), settled: 1 }
    const claim = claimText({ process, ...nothing }, true)
    await insertClaim(tx, { process, claim, mac: sign(claim) })
  }
}
