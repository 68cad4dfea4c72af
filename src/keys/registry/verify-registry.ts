import { findKeyEvents } from '../../audit/event/event-lookup-store.ts'
import { findNewerRegistries, type NewerRegistry } from '../../audit/witness/newer-registry.ts'
import type { Shipping } from '../../audit/witness/witnesses-file.ts'
import type { KeysConfig } from '../../config/config-sections.ts'
import type { Database, Queryable } from '../../database/database.ts'
import { createNewId } from '../../values/identifier.ts'
import { createRandomBytes } from '../../values/random.ts'
import { unwrapKeyRing } from '../key/key-ring.ts'
import { selectRegistry } from '../key/key-store.ts'
import { KeyRegistryError, parseManifest } from '../key/registry-manifest.ts'
import { createRootKeyProvider, requireProvider } from '../root-key/providers.ts'
import type { RootKey, RootKeyDescription } from '../root-key/root-key.ts'
import type { ReferencingTables } from '../sealing/referencing-tables.ts'
import { createRegistry } from './open-registry.ts'
import { createRegistryAnchor } from './registry-anchor.ts'
import { createVaultPin, type VaultPinOptions } from './vault-pin.ts'

export interface VerifyRegistryOptions {
  database: Database
  config: KeysConfig
  /** What pins the vault and its root key. */
  pin: Pick<VaultPinOptions, 'file' | 'vaultId'>
  /** Where checkpoints were shipped to. */
  shipping?: Shipping | undefined
  /** Everything that is stored under the keys. */
  referencing: ReferencingTables
}

export interface RegistryFacts {
  /** The id of the vault; undefined in one that has none yet. */
  vault: string | undefined
  /** A newer registry that is known outside: the database is older. */
  newer: NewerRegistry | undefined
  /** What the manifest remembers as done. */
  marks: readonly string[]
  /** What is known of the root key; undefined in a vault that has none yet. */
  rootKey: RootKeyDescription | undefined
}

/**
 * Opens the key registry as a start would, and changes nothing.
 *
 * @throws {KeyRegistryError | RootKeyConfigError | RootKeyMismatch} what would refuse the start
 * @throws {RootKeyUnreachable} if the root key is not available, so that it is unknown
 */
export async function verifyRegistry(options: VerifyRegistryOptions): Promise<RegistryFacts> {
  const { config } = options
  const randomBytes = createRandomBytes()
  const now = () => new Date()
  const provider = await createRootKeyProvider(config.provider, { config, development: false, randomBytes })
  const pin = createVaultPin({
    ...options.pin,
    mayBeginAgain: true,
    readOnly: true,
    requireConfigured: provider.requireConfigured,
    onUnwritable: () => {},
  })
  const { database, shipping } = options
  const anchor = createRegistryAnchor({
    pin,
    findNewer: (verified, signing) => findNewerRegistries({ database, shipping, log: () => {} }, verified, signing),
    findKeyEvents: (after) => findKeyEvents(database, after),
    restores: false,
  })
  let opened: RootKey | undefined
  const registry = createRegistry({
    database,
    now,
    newId: createNewId(now, randomBytes),
    pin,
    referencing: options.referencing,
    remakeMacs: () => Promise.reject(new Error('nothing is changed here')),
    async newRootKey() {
      throw new KeyRegistryError('the root key of the keys is missing in "root_keys".')
    },
    async openRootKey(record) {
      requireProvider(record, provider.name)
      opened = await provider.open(record)
      return opened
    },
  })
  try {
    const { marks, verified } = await registry.verify(database)
    if (verified !== undefined) {
      const ring = await unwrapKeyRing(verified, () => registry.rootKey(verified.rootKey))
      await anchor.requireCurrent(verified, ring, () => registry.read(database))
      anchor.follow(verified)
    }
    return { vault: verified?.vault, newer: anchor.newer(), marks, rootKey: opened?.describe() }
  } finally {
    opened?.close?.()
  }
}

/**
 * The marks in the manifest, not verified, for a look without the root key: it may have been written outside the vault.
 */
export async function claimedMarks(db: Queryable): Promise<readonly string[]> {
  const { stored } = await selectRegistry(db)
  return stored === undefined ? [] : (parseManifest(stored.manifest).marks ?? [])
}
