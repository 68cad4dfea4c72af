import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database, Transaction } from '../../database/database.ts'
import { closeKey, openAgain } from '../key/closed-keys.ts'
import type { KeyPurpose, KeyRow } from '../key/key.ts'
import type { KeyState } from '../key/key-state.ts'
import { lockRegistry } from '../key/key-store.ts'
import type { RootKey } from '../root-key/root-key.ts'
import type { Registry } from './open-registry.ts'

export interface ChangeRegistryDeps {
  database: Database
  keys: { readonly registry: Registry; refresh(): Promise<void> }
  newAuditEvent: NewAuditEvent
}

/** What may be done to the registry while its lock is held. */
export interface RegistryChange {
  /** The transaction that the change commits with. */
  readonly tx: Transaction
  /** Every key as it will be, in the order of their making. */
  readonly rows: readonly KeyRow[]
  /** Makes a pre-active key, and answers with its id. */
  create(purpose: KeyPurpose): Promise<string>
  /**
   * Brings a key into another state. A key that becomes active deactivates the one before it.
   *
   * @throws {KeyTransitionError} when NIST SP 800-57 does not allow it
   */
  transition(id: string, to: KeyState): Promise<void>
  /** What the manifest remembers as done. */
  readonly marks: readonly string[]
  /** Remembers that something was done. */
  mark(name: string): void
  /** Removes such a mark. */
  unmark(name: string): void
  /** From then on the key opens nothing (`closed-keys.ts`). */
  close(id: string): void
  /** Takes that back, for that reason. */
  reopen(id: string, reason: string): void
  /** Puts a fresh key in the place of every MAC key that was not replaced already. */
  replaceMacKeys(): Promise<void>
  /** Gives the registry a generation above that one. */
  outgrow(generation: number): void
  /** Wraps all keys under another root key, which takes the place of the present one, and replaces the MAC keys. */
  rewrap(rootKey: RootKey): Promise<void>
}

/**
 * The one way to change the key registry. In a transaction that holds its lock, verifies all of it, lets `work` act,
 * and writes the rows, the manifest of the next generation and an event for each change. Every server is notified, and
 * this one knows when the promise resolves. If `work` changes nothing, nothing is written.
 *
 * @throws {KeyRegistryError} if the registry was changed outside the vault
 */
export async function changeRegistry<T>(
  { database, keys, newAuditEvent }: ChangeRegistryDeps,
  operator: AuditCaller,
  work: (change: RegistryChange) => Promise<T>,
): Promise<T> {
  const result = await database.transaction(async (tx) => {
    await lockRegistry(tx)
    const verified = await keys.registry.read(tx)
    const draft = await keys.registry.draft(verified)
    let { generation } = verified
    const value = await work({
      tx,
      get rows() {
        return draft.rows
      },
      create: (purpose) => draft.create(purpose),
      transition: async (id, to) => draft.transition(id, to),
      get marks() {
        return draft.marks
      },
      mark: (name) => draft.mark(name),
      unmark: (name) => draft.unmark(name),
      close: (id) => closeKey(draft, id),
      reopen: (id, reason) => openAgain(draft, id, reason),
      replaceMacKeys: () => draft.replaceMacKeys(),
      outgrow: (other) => {
        generation = Math.max(generation, other)
      },
      rewrap: (rootKey) => draft.rewrap(rootKey),
    })
    if (draft.changes.length > 0 || draft.hasOtherMarks || generation > verified.generation) {
      await keys.registry.save(tx, draft, generation + 1)
      const events = draft.changes.map((change) => newAuditEvent({ ...change, outcome: 'success', caller: operator }))
      await insertEvents(tx, events)
    }
    return value
  })
  await keys.refresh()
  return result
}
