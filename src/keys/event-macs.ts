import type { Alert } from '../alert.ts'
import { acceptWaiting, EVENT_MACS } from '../audit/accept-waiting.ts'
import type { AuditCaller, EventBook } from '../audit/audit-event.ts'
import type { VerifyEventMac } from '../audit/event-authenticity.ts'
import { createEventBook, EVENT_DOMAIN } from '../audit/event-book.ts'
import { findOldestWaiting } from '../audit/log-store.ts'
import type { NewId } from '../identifier.ts'
import type { KeyRow, KeyState } from './key.ts'
import type { Keys } from './keys.ts'
import { type ChangeRegistryDeps, changeRegistry } from './registry.ts'

/** An event may wait for the log while its key is replaced: the key is asked until it is destroyed. */
const ASKED: readonly KeyState[] = ['active', 'deactivated', 'compromised']

/** By then every process has another key, and every transaction that began under this one is over. */
const CLOSED_AFTER_MS = 60_000

/** The vault itself, for the audit log. */
const VAULT: AuditCaller = { id: 'strongroom', kind: 'vault' }

export interface EventMacDeps extends ChangeRegistryDeps {
  keys: Pick<Keys, 'macs' | 'registry' | 'refresh' | 'verified'>
  now: () => Date
}

/** The events that this process makes. @param keys asked when an event is written: there may be none before */
export function createVaultBook(options: {
  keys: () => Pick<Keys, 'isSealed' | 'macs'>
  newId: NewId
  alert: Alert
  /** Whether this process puts events into the log. */
  remembers: boolean
}): EventBook {
  const { keys, newId, alert, remembers } = options
  return createEventBook({
    process: newId('proc'),
    makeMac: (body) => keys().macs.make('event-mac', EVENT_DOMAIN, body),
    isSealed: () => keys().isSealed,
    alert,
    remembers,
  })
}

/** What becomes of MACs of events over the years. */
export interface EventMacs {
  /** Whether the vault made an event, under the present key or one that was replaced and is not destroyed yet. */
  verifyMac: VerifyEventMac
  /** On the first start of a version that makes MACs: what waits for its place in the log is taken in as it stands. */
  acceptWaiting(): Promise<void>
  /** Whether that was done, as far as this process knows. @throws {Problem} sealed */
  areAccepted(): boolean
  /**
   * Destroys event keys that were replaced, as soon as no event waits for the log that they may have made: whoever has an old
   * one, from a backup perhaps, makes no event with it any more. Nothing else needs them, since the log is signed.
   */
  closeReplaced(): Promise<void>
}

export function createEventMacs(deps: EventMacDeps): EventMacs {
  const { database, keys, newAuditEvent, now } = deps
  return {
    verifyMac: (domain, text, mac) => keys.macs.verify('event-mac', domain, text, mac, ASKED),
    areAccepted: () => keys.verified.marks.includes(EVENT_MACS),
    async acceptWaiting() {
      if (keys.verified.marks.includes(EVENT_MACS)) return
      await changeRegistry(deps, VAULT, async ({ tx, marks, mark }) => {
        if (marks.includes(EVENT_MACS)) return
        await acceptWaiting(tx, newAuditEvent)
        mark(EVENT_MACS)
      })
    },
    async closeReplaced() {
      if (replaced(keys.verified.keys, now()).length === 0) return
      const waiting = await findOldestWaiting(database)
      const before = new Date(Math.min(now().getTime(), waiting?.getTime() ?? Number.POSITIVE_INFINITY))
      if (replaced(keys.verified.keys, before).length === 0) return
      await changeRegistry(deps, VAULT, async (change) => {
        for (const { id } of replaced(change.rows, before)) await change.transition(id, 'destroyed')
      })
    },
  }
}

/** Those that were replaced long enough before that time. */
function replaced(rows: readonly KeyRow[], time: Date): KeyRow[] {
  return rows.filter(({ purpose, state, deactivated_at, compromised_at }) => {
    if (purpose !== 'event-mac' || (state !== 'deactivated' && state !== 'compromised')) return false
    const at = Math.max(deactivated_at?.getTime() ?? 0, compromised_at?.getTime() ?? 0)
    return at + CLOSED_AFTER_MS <= time.getTime()
  })
}
