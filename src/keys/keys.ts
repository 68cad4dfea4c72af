import type { Database } from '../database/database.ts'
import { Problem } from '../problem.ts'
import type { Key, KeyPurpose } from './key.ts'
import { type KeyRing, unwrapKeyRing } from './key-ring.ts'
import { KEYS_CHANNEL } from './key-store.ts'
import { createRegistry, type Registry, type RegistryOptions, type VerifiedRegistry } from './open-registry.ts'
import { KeyRegistryError } from './registry-manifest.ts'
import { open, type SealContext, SealError, type Sealed, seal } from './seal.ts'

/** How often the registry is looked at, should a notification be lost. */
const LOOK_EVERY_MS = 500

/**
 * How old the ring may become. A server that cannot read the registry for so long stops sealing and signing: meanwhile a
 * key may have been retired. Opening goes on.
 */
export const RING_MAX_AGE_MS = 3_000

/** The vault's keys: seals and opens with the ring, and replaces the ring when the registry changes. */
export interface Keys {
  /** @throws {Problem} sealed */
  readonly ring: KeyRing
  /** What `changeRegistry` changes. */
  readonly registry: Registry
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
   * @throws {Problem} record-integrity, sealed
   */
  open(sealed: Sealed, context: SealContext): Promise<Buffer>
  /** Reads the registry again. @throws {Problem} sealed, database-unavailable */
  refresh(): Promise<void>
  /** Forgets every key for that reason: the vault is sealed, until the next look has the root key again. */
  forget(reason: Problem): void
  close(): Promise<void>
}

export interface KeysOptions extends RegistryOptions {
  database: Database
  alert: (code: string, facts: object) => void
  /** Called when the registry cannot be read, or must not be trusted, while the vault runs. */
  onError: (error: unknown) => void
  /** Called when the root key was replaced by one that this server cannot have. */
  onRootKeyMissing: (error: unknown) => void
}

/**
 * Opens the key registry, and on the first start of a vault fills it: a root key record and one active key of each purpose.
 * When the root key is not to be had now, the vault starts sealed and asks for it again.
 *
 * The manifest tells a start whether any row was swapped, copied, rolled back, edited, added or removed. What it cannot
 * tell is that the whole registry, manifest and all, was put back to an older state: everything a start could compare it
 * with lies in the same database, and would have been put back too. A running server remembers the generation it has seen,
 * and seals itself when the registry falls behind it.
 *
 * @throws {KeyRegistryError} when the root key does not open the registry, or the registry was changed by somebody else
 */
export async function openKeys(options: KeysOptions): Promise<Keys> {
  const { database, randomBytes } = options
  const registry = createRegistry(options)
  let ring: KeyRing | undefined
  let seen: VerifiedRegistry | undefined
  /** Why the ring must not be used at all, though it may be there. */
  let distrust: Problem | undefined
  let confirmedAt = Number.NEGATIVE_INFINITY
  let refreshing: Promise<void> | undefined
  /** Why the ring was not confirmed the last time. */
  let stale: Problem | undefined

  async function look(): Promise<void> {
    const asked = performance.now()
    const verified = await registry.read(database)
    requireNoStepBack(verified, seen)
    if (seen !== undefined && verified.rootKey.id !== seen.rootKey.id) await followRootKey(verified)
    if (verified.generation !== seen?.generation || ring === undefined) {
      ring = await unwrapKeyRing(verified.keys, () => registry.rootKey(verified.rootKey), ring).catch(notUnwrapped)
    }
    seen = verified
    confirmedAt = asked
    distrust = undefined
  }

  /** What the ring holds is not needed again; a new root key that cannot be had is missed by the next new key only. */
  async function followRootKey({ rootKey }: VerifiedRegistry): Promise<void> {
    if (ring !== undefined) await registry.rootKey(rootKey).catch(options.onRootKeyMissing)
  }

  async function reload(): Promise<void> {
    try {
      await look()
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem('sealed', { cause: error })
      stale = problem
      if (error instanceof KeyRegistryError) distrust = problem
      throw problem
    }
  }

  function refresh(): Promise<void> {
    refreshing ??= reload().finally(() => {
      refreshing = undefined
    })
    return refreshing
  }

  function currentRing(): KeyRing {
    if (distrust !== undefined) throw distrust
    if (ring === undefined) throw stale ?? new Problem('sealed')
    return ring
  }

  function active(purpose: KeyPurpose): Key {
    const current = currentRing()
    if (performance.now() - confirmedAt > RING_MAX_AGE_MS) throw stale ?? new Problem('sealed')
    return current.active(purpose)
  }

  async function keyFor(id: string): Promise<Key> {
    // The first refresh may be one that was under way already and looked before the key was there.
    for (let attempt = 0; attempt < 2 && !currentRing().find(id); attempt++) await refresh()
    const found = currentRing().find(id)
    if (!found)
      throw new Problem('record-integrity', { cause: new SealError('sealed under a key that does not exist') })
    return found
  }

  await look().catch((error) => {
    if (!(error instanceof Problem) || error.code !== 'sealed') throw error
    stale = error
  })
  const onChange = () => void refresh().catch(options.onError)
  await database.listen(KEYS_CHANNEL, onChange)
  const timer = setInterval(onChange, LOOK_EVERY_MS).unref()

  return {
    get ring() {
      return currentRing()
    },
    registry,
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
    refresh,
    forget(reason) {
      ring = undefined
      stale = reason
      registry.forget()
    },
    async close() {
      clearInterval(timer)
    },
  }
}

/** The manifest says that the row is ours: it was written under another root key, or never whole. */
function notUnwrapped(error: unknown): never {
  if (!(error instanceof SealError)) throw error
  throw new KeyRegistryError('the root key does not open a key of the registry.')
}

/** @throws {KeyRegistryError} when the registry is older than what was seen, or another one of the same generation */
function requireNoStepBack(now: VerifiedRegistry, seen: VerifiedRegistry | undefined): void {
  if (seen === undefined || now.generation > seen.generation) return
  if (now.generation < seen.generation) {
    throw new KeyRegistryError(
      `the key registry was put back from generation ${seen.generation} to ${now.generation}: bring back the newer one, or restart the vault if this was meant.`,
    )
  }
  if (!now.mac.equals(seen.mac))
    throw new KeyRegistryError(`there are two key registries of generation ${now.generation}.`)
}
