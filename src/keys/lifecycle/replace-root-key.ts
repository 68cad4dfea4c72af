import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { RootKeyProviderName } from '../../config/option-values.ts'
import type { Database } from '../../database/database.ts'
import type { NewId } from '../../values/identifier.ts'
import { lockRegistry } from '../key/key-store.ts'
import { changeRegistry } from '../registry/registry.ts'
import type { VaultPin } from '../registry/vault-pin.ts'
import type { Keys } from '../ring/keys.ts'
import type { RootKey, RootKeyProvider } from '../root-key/root-key.ts'
import type { RootKeySource } from '../root-key/root-key-source.ts'

export interface ReplaceRootKeyDeps {
  database: Database
  keys: Keys
  source: RootKeySource
  pin?: VaultPin | undefined
  newAuditEvent: NewAuditEvent
  newId: NewId
}

export interface RootKeyReplaced {
  /** The root key that wraps everything from now on. */
  id: string
  provider: RootKeyProviderName
  /** What it wraps by, and where. */
  algorithm: string
  /** Which protections the place of the key does not give it. */
  lacks: readonly string[]
  replaced: string
  /** How many keys it wraps. */
  rewrapped: number
}

/**
 * Puts a new root key in the place of the present one: wraps every key again, and replaces the MAC keys, in one
 * transaction. No record is touched, so the number of records does not matter. A process that dies on the way leaves
 * the old root key, or the new one, whole.
 *
 * @throws {Problem} sealed, when the present root key is unavailable
 * @throws {RootKeyUnreachable | RootKeyConfigError} when the new one cannot be made
 */
export async function replaceRootKey(
  deps: ReplaceRootKeyDeps,
  operator: AuditCaller,
  provider: RootKeyProvider,
): Promise<RootKeyReplaced> {
  const { database, keys, newId } = deps
  const { rootKey: present, vault } = await keys.registry.read(database)
  await keys.registry.rootKey(present)
  const rootKey = await provider.create(newId('root'), present, vault)
  try {
    return await installRootKey(deps, operator, rootKey)
  } catch (error) {
    await discardUnlessCommitted(deps, provider, rootKey)
    throw error
  }
}

/** The same with a root key that has been made already, and the custodians who acknowledged it. PCI DSS 3.7.8. */
export async function installRootKey(
  deps: ReplaceRootKeyDeps,
  operator: AuditCaller,
  rootKey: RootKey,
  custodians: readonly string[] = [],
): Promise<RootKeyReplaced> {
  const { database, keys, source, newAuditEvent } = deps
  const { id } = rootKey.record
  const { rootKey: present } = await keys.registry.read(database)
  deps.pin?.announce(rootKey)
  // This process must have it when it sees that the registry changed.
  source.take(rootKey)
  await changeRegistry(deps, operator, async (change) => {
    await change.rewrap(rootKey)
    await insertEvents(change.tx, acknowledgements(newAuditEvent, id, custodians))
  })
  const rewrapped = keys.verified.keys.filter(({ wrapped }) => wrapped !== null).length
  const { provider, algorithm, lacks = [] } = rootKey.describe()
  return { id, provider, algorithm, lacks, replaced: present.id, rewrapped }
}

/** One event for each custodian who has acknowledged: they are the callers. */
export function acknowledgements(newAuditEvent: NewAuditEvent, rootKeyId: string, custodians: readonly string[]) {
  return custodians.map((name) =>
    newAuditEvent({
      type: 'root-key.acknowledge',
      outcome: 'success',
      caller: { id: `custodian:${name}`, kind: 'operator' },
      subject: rootKeyId,
    }),
  )
}

/**
 * A commit whose answer was lost may have happened. That is known only under the registry's lock. If it is unknown,
 * everything is kept.
 */
async function discardUnlessCommitted(
  { database, keys }: ReplaceRootKeyDeps,
  provider: RootKeyProvider,
  rootKey: RootKey,
): Promise<void> {
  const isAbsent = await database
    .transaction(async (tx) => {
      await lockRegistry(tx)
      return (await keys.registry.findRootKey(tx))?.id !== rootKey.record.id
    })
    .catch(() => false)
  // The operator must see the first error. A root key that is left behind wraps nothing.
  if (isAbsent) await provider.discard?.(rootKey.record).catch(() => {})
}
