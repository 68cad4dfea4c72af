import { createHmac, createSecretKey } from 'node:crypto'
import type { Database, Queryable } from '../database/database.ts'
import { Problem } from '../problem.ts'
import {
  type KeyPurpose,
  type KeyRow,
  keyPurposes,
  laterPurposes,
  MAC_KEY_CONTEXT,
  type RootKeyRow,
  UNAUTHENTICATED_WRAP,
} from './key.ts'
import { holdsRecords, lockRegistry, selectRegistry } from './key-store.ts'
import { type DraftOptions, type MacKey, RegistryDraft } from './registry-draft.ts'
import {
  KeyRegistryError,
  parseManifest,
  type RegistryRows,
  type StoredManifest,
  verifyManifest,
} from './registry-manifest.ts'
import type { RootKey, RootKeyRecord } from './root-key/root-key.ts'
import { SealError } from './seal.ts'

/** The registry as it was verified at one moment. */
export interface VerifiedRegistry extends RegistryRows {
  /** Grows by one with every change. */
  generation: number
  /** Tells two registries of one generation apart. */
  mac: Buffer
  /** The root key that wraps everything. */
  rootKey: RootKeyRow
  /** What was done once in this vault. */
  marks: readonly string[]
}

export interface Registry {
  /**
   * Makes the registry on the first start of a vault, its manifest on the first start that knows of it, and keys of new
   * purposes on the first start of a version that has them. Two servers at once wait for each other.
   *
   * @throws {KeyRegistryError} when a registry is there and was changed
   * @throws {Problem} sealed, when the root key is not to be had now
   */
  establish(): Promise<void>
  /**
   * Reads and verifies the registry.
   *
   * @throws {KeyRegistryError} naming what was changed
   * @throws {Problem} sealed, when the root key is not to be had now
   */
  read(db: Queryable): Promise<VerifiedRegistry>
  /**
   * Whether a start would take the registry as it stands; changes nothing. A vault that has none yet is fine.
   *
   * @throws {KeyRegistryError | Problem} as `establish` and `read`
   */
  verify(db: Queryable): Promise<readonly string[]>
  /** The record of the root key, not verified: that needs the root key itself. Undefined in a vault that has none yet. */
  findRootKey(db: Queryable): Promise<RootKeyRow | undefined>
  /** The root key of that row, opened. */
  rootKey(record: RootKeyRecord): Promise<RootKey>
  /** Forgets the keys in memory; they are opened again when they are needed. */
  forget(): void
  /** A draft over verified rows. */
  draft(verified: VerifiedRegistry): Promise<RegistryDraft>
  /**
   * HMAC-SHA-256 under the key of the manifest over another text that only the vault may write. The domain keeps such texts
   * apart from each other and from the manifest.
   *
   * @throws {Problem} sealed, before the registry was read
   */
  authenticate(domain: string, text: string): Buffer
}

export interface RegistryOptions extends DraftOptions {
  database: Database
  /** Makes the record of a root key for a vault that has none yet. */
  newRootKey: (id: string) => Promise<RootKeyRecord>
  /**
   * Opens the root key that the record describes. May reject with the Problem `sealed` when it is not to be had now: the
   * vault then is sealed, and asks again.
   */
  openRootKey: (record: RootKeyRecord) => Promise<RootKey>
  /** What need not be done any more in a vault that begins with this version. */
  marksOfNewVault?: readonly string[]
}

/** What reads the registry, with the keys that it takes in memory. */
export function createRegistry(options: RegistryOptions): Registry {
  let rootKey: RootKey | undefined
  let macKey: MacKey | undefined

  async function openRootKey(record: RootKeyRecord): Promise<RootKey> {
    if (rootKey?.record.id !== record.id) rootKey = await options.openRootKey(record)
    return rootKey
  }

  async function openMacKey(stored: StoredManifest, rootKeys: readonly RootKeyRow[]): Promise<MacKey> {
    const { root_key_id } = parseManifest(stored.manifest)
    const record = rootKeys.find(({ id }) => id === root_key_id)
    if (record === undefined)
      throw new KeyRegistryError('the root key that the registry stands on is missing in "root_keys".')
    try {
      const bytes = await (await openRootKey(record)).unwrap(stored.wrapped, MAC_KEY_CONTEXT)
      const secret = createSecretKey(bytes)
      bytes.fill(0)
      return { secret, wrapped: stored.wrapped }
    } catch (error) {
      throw notOpened(error)
    }
  }

  function establish(): Promise<void> {
    return options.database.transaction(async (tx) => {
      await lockRegistry(tx)
      const { stored, ...rows } = await selectRegistry(tx)
      if (stored !== undefined) {
        await addPurposes(tx)
        return
      }
      await requireWhole(tx, rows)
      const draft = await firstDraft(rows)
      for (const purpose of lackingPurposes(rows.keys)) draft.transition(await draft.create(purpose), 'active')
      if (rows.keys.length === 0) for (const name of options.marksOfNewVault ?? []) draft.mark(name)
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
    if (macKey === undefined) throw new Error('a registry is read before it is changed')
    return RegistryDraft.of(verified, await openRootKey(verified.rootKey), macKey, options)
  }

  /** The draft of a first manifest, over the keys that may be there already. */
  async function firstDraft(rows: RegistryRows): Promise<RegistryDraft> {
    const record = rows.rootKeys.at(-1) ?? (await options.newRootKey(options.newId('root')))
    const draft = await RegistryDraft.first(rows, await openRootKey(record), options)
    if (rows.keys.length > 0) await adopt(draft)
    return draft
  }

  async function read(db: Queryable): Promise<VerifiedRegistry> {
    const { stored, ...rows } = await selectRegistry(db)
    if (stored === undefined)
      throw new KeyRegistryError('the manifest of the key registry (table "key_registry") is missing.')
    macKey ??= await openMacKey(stored, rows.rootKeys)
    const { generation, root_key_id, marks = [] } = verifyManifest(stored, rows, macKey.secret)
    macKey = { ...macKey, wrapped: stored.wrapped }
    return { ...rows, generation, mac: stored.mac, marks, rootKey: rows.rootKeys.find(({ id }) => id === root_key_id)! }
  }

  return {
    establish,
    async verify(db) {
      const { stored, ...rows } = await selectRegistry(db)
      if (stored !== undefined) return (await read(db)).marks
      if (rows.keys.length > 0) await firstDraft(rows)
      else await requireWhole(db, rows)
      return []
    },
    read,
    async findRootKey(db) {
      const { stored, rootKeys } = await selectRegistry(db)
      if (stored === undefined) return rootKeys.at(-1)
      const { root_key_id } = parseManifest(stored.manifest)
      return rootKeys.find(({ id }) => id === root_key_id)
    },
    rootKey: openRootKey,
    forget() {
      rootKey = undefined
      macKey = undefined
    },
    draft: draftOf,
    authenticate(domain, text) {
      if (macKey === undefined) throw new Problem('sealed')
      return createHmac('sha256', macKey.secret).update(`${domain}\0`).update(text).digest()
    },
  }
}

/** The purposes of which a key is to be made: all for a new registry, for an earlier version's those that it did not know. */
function lackingPurposes(keys: readonly KeyRow[]): KeyPurpose[] {
  if (keys.length === 0) return [...keyPurposes]
  return laterPurposes.filter((purpose) => keys.every((key) => key.purpose !== purpose))
}

/** No keys at all are a vault's first start, unless it holds something. */
async function requireWhole(db: Queryable, { keys }: RegistryRows): Promise<void> {
  if (keys.length > 0 || !(await holdsRecords(db))) return
  throw new KeyRegistryError('the keys are missing though there are records: restore the tables of keys from a backup.')
}

/**
 * Takes over a registry from before there was a manifest. Its keys are wrapped in a way that no later one is, so a manifest
 * that was deleted does not pass for one that was never there.
 */
async function adopt(draft: RegistryDraft): Promise<void> {
  await draft.adopt(UNAUTHENTICATED_WRAP).catch((error) => {
    if (!(error instanceof SealError)) throw error
    throw new KeyRegistryError(
      'the manifest of the key registry (table "key_registry") is missing, or the root key does not open the keys of this vault: the passphrase differs.',
    )
  })
}

function notOpened(error: unknown): unknown {
  if (!(error instanceof SealError)) return error
  return new KeyRegistryError(
    'the root key does not open the keys of this vault: the passphrase differs, or the row of the root key or of "key_registry" was changed.',
  )
}
