import { generateKeyPairSync } from 'node:crypto'
import type { Database, Queryable } from '../database/database.ts'
import { Problem } from '../problem.ts'
import type { RandomBytes } from '../random-bytes.ts'
import { type Key, type KeyPurpose, keyPurposes, wrapContext } from './key.ts'
import { type KeyRing, unwrapKeyRing } from './key-ring.ts'
import {
  findRootKey,
  insertKey,
  insertRootKey,
  KEYS_CHANNEL,
  listKeyStates,
  listKeys,
  lockRegistry,
} from './key-store.ts'
import type { RootKey, RootKeyRecord } from './root-key/root-key.ts'
import { open, type SealContext, SealError, type Sealed, seal } from './seal.ts'

/** How often the registry is looked at, should a notification be lost. */
const LOOK_EVERY_MS = 500

/**
 * How old the ring may become. A server that cannot read the registry for so long stops sealing and signing: meanwhile a
 * key may have been retired. Opening goes on.
 */
export const RING_MAX_AGE_MS = 3_000

/** The registry cannot be used; the message names what is wrong with it and holds no key. */
export class KeyRegistryError extends Error {
  override readonly name = 'KeyRegistryError'
}

/** The vault's keys: seals and opens with the ring, and replaces the ring when the registry changes. */
export interface Keys {
  readonly ring: KeyRing
  /**
   * The key that seals, signs or hashes now.
   *
   * @throws {Problem} sealed or database-unavailable, when the registry could not be read for too long
   */
  active(purpose: KeyPurpose): Key
  /** Seals under the active key of that purpose. @throws {Problem} sealed */
  seal(purpose: 'display' | 'secret', context: SealContext, plaintext: Uint8Array, padToBytes: number): Sealed
  /**
   * Opens under the key that sealed; a key id that is not known here is looked up in the registry first.
   *
   * @throws {Problem} record-integrity
   */
  open(sealed: Sealed, context: SealContext): Promise<Buffer>
  /** Creates and wraps a new key in the registry, in that state. */
  create(tx: Queryable, purpose: KeyPurpose, state: 'pre-active' | 'active', now: Date): Promise<string>
  /** Reads the registry again when it changed. */
  refresh(): Promise<void>
  close(): void
}

export interface KeysOptions {
  database: Database
  randomBytes: RandomBytes
  now: () => Date
  newId: (prefix: string) => string
  /** Makes the record of a root key for a vault that has none yet. */
  newRootKey: (id: string) => Promise<RootKeyRecord>
  /** Opens the root key that the record describes. */
  openRootKey: (record: RootKeyRecord) => Promise<RootKey>
  /** Called when the registry cannot be read or unwrapped while the vault runs. */
  onError: (error: unknown) => void
}

/**
 * Opens the key registry, and on the first start of a vault fills it: a root key record and one active key of each purpose.
 *
 * @throws {Error} when the root key does not unwrap the registry
 */
export async function openKeys(options: KeysOptions): Promise<Keys> {
  const { database, randomBytes, now, newId } = options
  const record = await ensureRootKeyRecord(options)
  const rootKey = await options.openRootKey(record)

  const create: Keys['create'] = async (tx, purpose, state, at) => {
    const id = newId('key')
    const bytes = purpose === 'token-signing' ? newSigningKey() : randomBytes(32)
    const wrapped = await rootKey.wrap(bytes, wrapContext(id, purpose))
    bytes.fill(0)
    await insertKey(tx, { id, purpose, state, root_key_id: record.id, wrapped }, at)
    return id
  }
  await database.transaction(async (tx) => {
    await lockRegistry(tx)
    // A registry that holds some keys and lacks others was damaged: a new key would hide that, and open nothing.
    if ((await listKeys(tx)).length > 0) return
    for (const purpose of keyPurposes) await create(tx, purpose, 'active', now())
  })

  let ring = await load()
  let confirmedAt = performance.now()
  let refreshing: Promise<void> | undefined
  /** Why the ring was not confirmed the last time. */
  let stale: Problem | undefined

  async function load(): Promise<KeyRing> {
    try {
      return requireWhole(await unwrapKeyRing(await listKeys(database), rootKey))
    } catch (error) {
      if (!(error instanceof SealError)) throw error
      throw new KeyRegistryError(
        'the root key does not open the keys of this vault: the passphrase differs, or a row of the key registry was changed.',
      )
    }
  }

  async function reload(): Promise<void> {
    const asked = performance.now()
    if (!ring.matches(await listKeyStates(database))) ring = await load()
    confirmedAt = asked
  }

  function refresh(): Promise<void> {
    refreshing ??= reload()
      .catch((error) => {
        stale = error instanceof Problem ? error : new Problem('sealed', { cause: error })
        throw error
      })
      .finally(() => {
        refreshing = undefined
      })
    return refreshing
  }

  function active(purpose: KeyPurpose): Key {
    if (performance.now() - confirmedAt > RING_MAX_AGE_MS) throw stale ?? new Problem('sealed')
    return ring.active(purpose)
  }

  const onChange = () => void refresh().catch(options.onError)
  await database.listen(KEYS_CHANNEL, onChange)
  const timer = setInterval(onChange, LOOK_EVERY_MS).unref()

  async function keyFor(id: string): Promise<Key> {
    // The first refresh may be one that was under way already and looked before the key was there.
    for (let attempt = 0; attempt < 2 && !ring.find(id); attempt++) await refresh()
    const found = ring.find(id)
    if (!found)
      throw new Problem('record-integrity', { cause: new SealError('sealed under a key that does not exist') })
    return found
  }

  return {
    get ring() {
      return ring
    },
    active,
    seal(purpose, context, plaintext, padToBytes) {
      const key = active(purpose)
      return { keyId: key.id, bytes: seal(key, context, plaintext, padToBytes, randomBytes) }
    },
    async open(sealed, context) {
      const key = await keyFor(sealed.keyId)
      if (key.purpose !== 'display' && key.purpose !== 'secret') {
        throw new Problem('record-integrity', { cause: new SealError('sealed under a key that is no data key') })
      }
      try {
        return open(key, context, sealed.bytes)
      } catch (error) {
        if (error instanceof SealError) throw new Problem('record-integrity', { cause: error })
        throw error
      }
    },
    create,
    refresh,
    close: () => clearInterval(timer),
  }
}

async function ensureRootKeyRecord(options: KeysOptions): Promise<RootKeyRecord> {
  return options.database.transaction(async (tx) => {
    await lockRegistry(tx)
    const existing = await findRootKey(tx)
    if (existing) return existing
    const record = await options.newRootKey(options.newId('root'))
    await insertRootKey(tx, record, options.now())
    return record
  })
}

function newSigningKey(): Buffer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ format: 'der', type: 'pkcs8' })
}

/** A ring that lacks a key it needs is worse than the one before it. @throws {Error} */
function requireWhole(ring: KeyRing): KeyRing {
  const missing = keyPurposes.filter((purpose) => ring.all(purpose).every((key) => key.state !== 'active'))
  if (missing.length === 0) return ring
  throw new KeyRegistryError(
    `the key registry lacks its active key for ${missing.join(', ')}: restore the table "keys" from a backup.`,
  )
}
