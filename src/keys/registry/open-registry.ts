import type { Database, Queryable } from '../../database/database.ts'
import type { Handover, MacKey } from '../key/handover.ts'
import { type KeyPurpose, type KeyRow, keyPurposes, type RootKeyRow } from '../key/key.ts'
import { holdsRecords, lockRegistry, selectRegistry } from '../key/key-store.ts'
import { KeyRegistryError, parseManifest, type RegistryRows, verifyManifest } from '../key/registry-manifest.ts'
import { newVaultId } from '../key/vault-id.ts'
import type { RootKey, RootKeyRecord } from '../root-key/root-key.ts'
import type { ReferencingTables } from '../sealing/referencing-tables.ts'
import { type DraftOptions, RegistryDraft } from './registry-draft.ts'
import { createRegistryMacKey, requireRootKey } from './registry-mac-key.ts'
import { type RemakeMacs, remakingWith } from './remake-macs.ts'
import { requireNoStepBack } from './require-no-step-back.ts'
import type { VaultPin } from './vault-pin.ts'

/** The registry as it was verified at one moment. */
export interface VerifiedRegistry extends RegistryRows {
  /** The random id of the vault, made at its first start. */
  vault: string
  /** Grows by one with every change. */
  generation: number
  /** Distinguishes two registries of one generation. */
  mac: Buffer
  /** The root key that wraps everything. */
  rootKey: RootKeyRow
  /** What was done once in this vault. */
  marks: readonly string[]
  /** The handovers that lead to the present key of the manifest's MAC. */
  handovers: readonly Handover[]
}

export interface Registry {
  /**
   * Makes the registry on the first start of a vault, and keys of new purposes on the first start of a version that has
   * them. Two servers at once wait for each other.
   *
   * @throws {KeyRegistryError} when a registry is there and was changed
   * @throws {Problem} sealed, when the root key is unavailable
   */
  establish(): Promise<void>
  /**
   * Reads and verifies the registry, and holds it against what `remember` was given. A refused registry changes neither
   * the pin nor what the next one is compared with.
   *
   * @throws {KeyRegistryError} naming what was changed
   * @throws {Problem} sealed, when the root key is unavailable
   */
  read(db: Queryable): Promise<VerifiedRegistry>
  /** From now on a registry is refused that takes back something of this one. */
  remember(verified: VerifiedRegistry): void
  /**
   * Whether a start would accept the registry as it is; changes nothing. A vault without one is fine.
   *
   * @throws {KeyRegistryError | Problem} as `establish` and `read`
   */
  verify(db: Queryable): Promise<{ marks: readonly string[]; verified?: VerifiedRegistry }>
  /** The record of the root key, not verified: that needs the root key itself. Undefined in a vault that has none yet. */
  findRootKey(db: Queryable): Promise<RootKeyRow | undefined>
  /** The root key of that row, opened. */
  rootKey(record: RootKeyRecord): Promise<RootKey>
  /** Forgets the keys in memory; they are opened again when they are needed. */
  forget(): void
  /** A draft over verified rows. */
  draft(verified: VerifiedRegistry): Promise<RegistryDraft>
  /**
   * Writes the draft as the next generation and, where it replaces the key of MACs, makes these again. Must run in the
   * transaction that holds the registry's lock.
   *
   * @throws {KeyRegistryError} when a purpose would be left without its one active key
   */
  save(tx: Queryable, draft: RegistryDraft, generation: number): Promise<void>
}

export interface RegistryOptions extends DraftOptions {
  database: Database
  /** Makes the record of a root key for a vault that has none yet. */
  newRootKey: (id: string, vault: string) => Promise<RootKeyRecord>
  /**
   * Opens the root key that the record describes. May reject with the Problem `sealed` when the root key is
   * unavailable: then the vault is sealed, and tries again.
   */
  openRootKey: (record: RootKeyRecord) => Promise<RootKey>
  /** What a start is compared with outside the database. Default: nothing. */
  pin?: VaultPin | undefined
  /** Everything that is stored under the keys. */
  referencing: ReferencingTables
  /** Makes the MACs of rows again whose key is replaced. */
  remakeMacs: RemakeMacs
}

/** What reads the registry, with the keys that it takes in memory. */
export function createRegistry(options: RegistryOptions): Registry {
  let rootKey: RootKey | undefined
  let seen: VerifiedRegistry | undefined
  const macKey = createRegistryMacKey(openRootKey)
  const { pin } = options

  async function openRootKey(record: RootKeyRecord): Promise<RootKey> {
    if (rootKey?.record.id === record.id) return rootKey
    // A process that knows a root key follows to another one by the handovers of the former.
    if (!macKey.isTrusted) await pin?.requireRootKey(record)
    rootKey = await options.openRootKey(record)
    pin?.found(rootKey)
    return rootKey
  }

  function establish(): Promise<void> {
    return options.database.transaction(async (tx) => {
      await lockRegistry(tx)
      const { stored, ...rows } = await selectRegistry(tx)
      if (stored !== undefined) return addPurposes(tx)
      await requireNew(tx, rows, options.referencing)
      pin?.requireNone()
      const record = rows.rootKeys.at(-1) ?? (await options.newRootKey(options.newId('root'), newVaultId()))
      const draft = RegistryDraft.first(rows, await openRootKey(record), options)
      for (const purpose of keyPurposes) draft.transition(await draft.create(purpose), 'active')
      await draft.save(tx, 1)
    })
  }

  /** Gives a vault of an earlier version the keys whose purposes it did not know. */
  async function addPurposes(tx: Queryable): Promise<void> {
    const verified = await read(tx)
    const lacking = lackingPurposes(verified.keys)
    if (lacking.length === 0) return
    const draft = await draftOf(verified)
    for (const purpose of lacking) draft.transition(await draft.create(purpose), 'active')
    await draft.save(tx, verified.generation + 1)
  }

  async function draftOf(verified: VerifiedRegistry): Promise<RegistryDraft> {
    return RegistryDraft.of(verified, await openRootKey(verified.rootKey), options)
  }

  async function read(db: Queryable): Promise<VerifiedRegistry> {
    const { stored, ...rows } = await selectRegistry(db)
    if (stored === undefined) throw new KeyRegistryError(MANIFEST_MISSING)
    const manifest = parseManifest(stored.manifest)
    const key = await macKey.open(manifest, rows)
    const { vault, generation, marks = [], handovers = [] } = verifyManifest(stored, rows, key.secret)
    requireNamedKey(key, rows)
    const named = requireRootKey(manifest, rows)
    if (!macKey.isTrusted) pin?.requireVault(vault)
    const verified = { ...rows, vault, generation, mac: stored.mac, marks, handovers, rootKey: named }
    requireNoStepBack(verified, seen)
    macKey.keep(key, named)
    return verified
  }

  return {
    establish,
    async verify(db) {
      const { stored, ...rows } = await selectRegistry(db)
      if (stored !== undefined) {
        const verified = await read(db)
        return { marks: verified.marks, verified }
      }
      await requireNew(db, rows, options.referencing)
      return { marks: [] }
    },
    read,
    remember(verified) {
      seen = verified
    },
    async findRootKey(db) {
      const { stored, rootKeys } = await selectRegistry(db)
      if (stored === undefined) return rootKeys.at(-1)
      const { root_key_id } = parseManifest(stored.manifest)
      return rootKeys.find(({ id }) => id === root_key_id)
    },
    rootKey: openRootKey,
    forget() {
      rootKey = undefined
      macKey.forget()
    },
    draft: draftOf,
    async save(tx, draft, generation) {
      const replacement = await draft.replacement('access-mac')
      if (replacement !== undefined) await options.remakeMacs(tx, remakingWith(replacement))
      await draft.save(tx, generation)
    },
  }
}

const MANIFEST_MISSING = 'the manifest of the key registry (table "key_registry") is missing.'

/** A key that was replaced verifies nothing that is written later. */
function requireNamedKey({ id }: MacKey, { keys }: RegistryRows): void {
  const row = keys.find((key) => key.id === id)
  if (row?.purpose !== 'registry-mac' || row.state !== 'active')
    throw new KeyRegistryError(
      'the manifest of the key registry (table "key_registry") is under a key that is not active.',
    )
}

/** The purposes that the version did not know which made these keys. */
function lackingPurposes(keys: readonly KeyRow[]): KeyPurpose[] {
  return keyPurposes.filter((purpose) => keys.every((key) => key.purpose !== purpose))
}

/** Without keys and manifest it is a vault's first start, unless the vault holds records. */
async function requireNew(db: Queryable, { keys }: RegistryRows, { sealed }: ReferencingTables): Promise<void> {
  if (keys.length > 0) throw new KeyRegistryError(MANIFEST_MISSING)
  if (!(await holdsRecords(db, sealed))) return
  throw new KeyRegistryError('the keys are missing though there are records: restore the tables of keys from a backup.')
}
