import type { SeenNumbers } from '../../audit/completeness/number-tracker.ts'
import { SEEN_DOMAIN, type SealedSeen, seenText } from '../../audit/completeness/seen-numbers.ts'
import { type EventBook, VAULT } from '../../audit/event/audit-event.ts'
import { createEventBook, REPORT_DOMAIN } from '../../audit/event/event-book.ts'
import type { VerifyEventMac } from '../../audit/log/event-authenticity.ts'
import type { LogKey } from '../../audit/log/log-keys.ts'
import { findOldestWaiting } from '../../audit/log/log-store.ts'
import type { Alert } from '../../observability/alert.ts'
import type { NewId } from '../../values/identifier.ts'
import type { KeyRow, KeyState } from '../key/key.ts'
import { keyIdOf } from '../registry/macs.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../registry/registry.ts'
import type { Keys } from '../ring/keys.ts'

/** An event may wait for the log while its key is replaced. So a replaced key counts until it is destroyed. */
const ASKED: readonly KeyState[] = ['active', 'deactivated', 'compromised']

/** By then every process has another key, and every transaction that began under this one is over. */
const CLOSED_AFTER_MS = 60_000

/** The vault itself, for the audit log. */

export interface EventMacDeps extends ChangeRegistryDeps {
  keys: Pick<Keys, 'macs' | 'registry' | 'refresh' | 'verified' | 'ring'>
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
    makeMac: (domain, text) => keys().macs.make('event-mac', domain, text),
    isSealed: () => keys().isSealed,
    alert,
    remembers,
  })
}

/** Verifies the MACs of events, and closes the keys that made them. */
export interface EventMacs {
  /** Whether the vault made an event, under the present key or one that was replaced and is not destroyed yet. */
  verifyMac: VerifyEventMac
  /** All keys that may have signed the log. @throws {Problem} sealed */
  signingKeys(): readonly LogKey[]
  /** Signs what a process reports of its numbers. @throws {Problem} sealed */
  signReport(report: string): Buffer
  /** Whether the vault has the key that a MAC names. @throws {Problem} sealed */
  knows(mac: Buffer): boolean
  /** Signs what a sequencer has seen of the numbers of a process. @throws {Problem} sealed */
  sealSeen(seen: SeenNumbers): SealedSeen
  /**
   * Destroys event keys that were replaced, as soon as no event that they may have made waits for the log. So an old
   * key, for example from a backup, cannot forge an event. Nothing else needs these keys, because the log is signed.
   */
  closeReplaced(): Promise<void>
}

export function createEventMacs(deps: EventMacDeps): EventMacs {
  const { database, keys, now } = deps
  const makeMac = (domain: string, text: string) => keys.macs.make('event-mac', domain, text)
  const signReport = (report: string) => makeMac(REPORT_DOMAIN, report)
  return {
    signingKeys: () => keys.ring.all('audit-signing'),
    signReport,
    knows: (mac) => keys.ring.find(keyIdOf(mac)) !== undefined,
    sealSeen: (seen) => ({ ...seen, mac: makeMac(SEEN_DOMAIN, seenText(seen)) }),
    verifyMac: (domain, text, mac) => keys.macs.verify('event-mac', domain, text, mac, ASKED),
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
