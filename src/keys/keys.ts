import { availableParallelism } from 'node:os'
import type { Alert } from '../alert.ts'
import type { Database } from '../database/database.ts'
import { Problem } from '../problem.ts'
import { type Key, type KeyPurpose, type KeyState, keyPurposes } from './key.ts'
import { type KeyRing, unwrapKeyRing } from './key-ring.ts'
import { KEYS_CHANNEL } from './key-store.ts'
import { type KeyTimes, keyTimes } from './key-times.ts'
import { createKeyUses } from './key-uses.ts'
import { createRegistry, type Registry, type RegistryOptions, type VerifiedRegistry } from './open-registry.ts'
import { KeyRegistryError } from './registry-manifest.ts'
import { RootKeyUnreachable } from './root-key/root-key.ts'
import { open, type SealContext, SealError, type Sealed, seal } from './seal.ts'
import { createSealingThread, type PlainValue } from './sealing-thread.ts'

/** Their uses are at hand: a pre-active key may be promoted at any moment. */
const PROTECTS = new Set<KeyState>(['pre-active', 'active'])

/** Fewer are sealed in less time than another thread needs to wake up and answer. */
const MANY_VALUES = 20
const hasSecondCore = availableParallelism() > 1

/** The vault's keys: seals and opens with the ring, and replaces the ring when the registry changes. */
export interface Keys {
  /** @throws {Problem} sealed */
  readonly ring: KeyRing
  /** Whether nothing can be done with the keys now. */
  readonly isSealed: boolean
  /** What `changeRegistry` changes. */
  readonly registry: Registry
  /** What this server keeps to, and a rotation waits for. */
  readonly times: KeyTimes
  /** The registry as it was verified the last time. @throws {Problem} sealed */
  readonly verified: VerifiedRegistry
  /**
   * The key that seals, signs or hashes what is to be kept, and counts that it does so, once unless told otherwise. What
   * only looks something up takes its keys from the ring, which gives expired ones too.
   *
   * @throws {Problem} key-expired, when its cryptoperiod or its uses are over; sealed or database-unavailable, when the
   *   registry could not be read for too long; busy
   */
  active(purpose: KeyPurpose, uses?: number): Key
  /** Seals under the active key of that purpose. @throws {Problem} as `active` */
  seal(purpose: 'display' | 'secret', context: SealContext, plaintext: Uint8Array, padToBytes: number): Sealed
  /**
   * Seals values and wipes their plaintext; answers in their order. Many are sealed in a thread of their own, where there
   * is a second core.
   *
   * @throws {Problem} as `active`; busy, when the thread fails
   */
  sealAll(values: readonly PlainValue[]): Promise<Sealed[]>
  /**
   * Opens under the key that sealed; a key id that is not known here is looked up in the registry first.
   *
   * @throws {Problem} record-integrity, which is an alert, and sealed
   */
  open(sealed: Sealed, context: SealContext): Promise<Buffer>
  /** Reads the registry as it is now, or later. @throws {Problem} sealed, database-unavailable */
  refresh(): Promise<void>
  /** Forgets every key for that reason: the vault is sealed, until the next look has the root key again. */
  forget(reason: Problem): void
  close(): Promise<void>
}

export interface KeysOptions extends RegistryOptions {
  database: Database
  alert: Alert
  /** Called when the registry cannot be read while the vault runs. */
  onError: (error: unknown) => void
  times?: KeyTimes | undefined
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
  const { database, randomBytes, now, alert, times = keyTimes } = options
  const registry = createRegistry(options)
  const uses = createKeyUses(database, options.onError, (key, reason) => alert('key-registry-changed', { key, reason }))
  const thread = createSealingThread()
  let isEstablished = false
  let ring: KeyRing | undefined
  let seen: VerifiedRegistry | undefined
  /** Why the ring must not be used at all, though it may be there. */
  let distrust: Problem | undefined
  let confirmedAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined
  let readingNext: Promise<void> | undefined
  /** Why the ring was not confirmed the last time. */
  let stale: Problem | undefined

  async function confirm(): Promise<void> {
    if (!isEstablished) await registry.establish()
    isEstablished = true
    const asked = performance.now()
    const verified = await registry.read(database)
    requireNoStepBack(verified, seen)
    if (seen !== undefined && verified.rootKey.id !== seen.rootKey.id) await followRootKey(verified)
    if (verified.generation !== seen?.generation || ring === undefined) {
      const next = await unwrapKeyRing(verified.keys, () => registry.rootKey(verified.rootKey), ring).catch(
        notUnwrapped,
      )
      await uses.hold(protecting(next))
      ring = next
      uses.keepOnly(protecting(next))
    }
    uses.observe(verified.keys)
    seen = verified
    confirmedAt = asked
    distrust = undefined
    stale = undefined
  }

  /** What the ring holds is not needed again; a new root key that cannot be had is missed by the next new key only. */
  async function followRootKey({ rootKey }: VerifiedRegistry): Promise<void> {
    if (ring === undefined) return
    await registry.rootKey(rootKey).catch((error: Error) => {
      const { message } = error.cause instanceof Error ? error.cause : error
      alert('root-key-unreachable', { root_key: rootKey.id, reason: message })
    })
  }

  async function reload(): Promise<void> {
    try {
      await confirm()
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem('sealed', { cause: error })
      stale = problem
      if (error instanceof KeyRegistryError) distrustBecauseOf(error, problem)
      throw problem
    }
  }

  function distrustBecauseOf(error: KeyRegistryError, problem: Problem): void {
    const known = distrust?.cause
    if (!(known instanceof Error) || known.message !== error.message)
      alert('key-registry-changed', { reason: error.message })
    distrust = problem
    void thread.end(problem)
  }

  function read(): Promise<void> {
    reading ??= reload().finally(() => {
      reading = undefined
    })
    return reading
  }

  /** A read that is under way may have seen the registry before what the caller wants to know of; those who wait share one. */
  function refresh(): Promise<void> {
    if (reading === undefined) return read()
    readingNext ??= reading
      .catch(() => {})
      .then(() => {
        readingNext = undefined
        return read()
      })
    return readingNext
  }

  function currentRing(): KeyRing {
    if (distrust !== undefined) throw distrust
    if (ring === undefined) throw stale ?? new Problem('sealed')
    return ring
  }

  function active(purpose: KeyPurpose, count = 1): Key {
    const key = currentRing().active(purpose)
    if (performance.now() - confirmedAt > times.ringMaxAgeMs) throw stale ?? new Problem('sealed')
    if (key.expiresAt !== null && now() >= key.expiresAt) throw new Problem('key-expired', { retryAfterSeconds: 60 })
    uses.spend(key.id, count)
    return key
  }

  function sealNow(purpose: KeyPurpose, context: SealContext, plaintext: Uint8Array, padToBytes: number): Sealed {
    const key = active(purpose)
    return { keyId: key.id, bytes: seal(key, context, plaintext, padToBytes, randomBytes) }
  }

  async function keyFor(id: string): Promise<Key> {
    if (!currentRing().find(id)) await refresh()
    const found = currentRing().find(id)
    if (!found) throw new SealError('sealed under a key that does not exist')
    return found
  }

  await confirm().catch((error) => {
    if (error instanceof KeyRegistryError) alert('key-registry-changed', { reason: error.message })
    if (!(error instanceof Problem) || error.code !== 'sealed') throw error
    stale = error
  })
  // What is distrusted has its own alert, and so has a root key that went away. A pool that is full says so to its callers.
  const onFailure = (error: unknown) => {
    const isAwaited = error instanceof Problem && (error.cause instanceof RootKeyUnreachable || error.code === 'busy')
    if (distrust === undefined && !isAwaited) options.onError(error)
  }
  const look = () => void refresh().catch(onFailure)
  const lookAndReport = () => void refresh().then(uses.settle).catch(onFailure)
  await database.listen(KEYS_CHANNEL, lookAndReport)
  const timers = [setInterval(look, times.lookEveryMs), setInterval(lookAndReport, times.reportEveryMs)]
  for (const timer of timers) timer.unref()

  return {
    get ring() {
      return currentRing()
    },
    get isSealed() {
      return distrust !== undefined || ring === undefined
    },
    get verified() {
      currentRing()
      if (seen === undefined) throw new Problem('sealed')
      return seen
    },
    registry,
    times,
    active,
    seal: sealNow,
    async sealAll(values) {
      try {
        if (values.length < MANY_VALUES || !hasSecondCore) {
          return values.map(({ purpose, context, plaintext, padToBytes }) =>
            sealNow(purpose, context, plaintext, padToBytes),
          )
        }
        const purposes = Map.groupBy(values, ({ purpose }) => purpose)
        const keyOf = new Map([...purposes].map(([purpose, { length }]) => [purpose, active(purpose, length)]))
        const keyed = values.map((value) => ({ ...value, key: keyOf.get(value.purpose)! }))
        const sealed = await thread.seal(keyed)
        return keyed.map(({ key }, at) => ({ keyId: key.id, bytes: sealed[at]! }))
      } finally {
        // Also when the ring refused.
        for (const { plaintext } of values) plaintext.fill(0)
      }
    },
    async open(sealed, context) {
      try {
        const key = await keyFor(sealed.keyId)
        if (key.purpose !== 'display' && key.purpose !== 'secret') {
          throw new SealError('sealed under a key that is no data key')
        }
        return open(key, context, sealed.bytes)
      } catch (error) {
        if (!(error instanceof SealError)) throw error
        const { kind, token, part, version } = context
        alert('record-integrity', { kind, token, part, version, reason: error.message })
        throw new Problem('record-integrity', { cause: error })
      }
    },
    refresh,
    forget(reason) {
      ring = undefined
      stale = reason
      void thread.end(reason)
      registry.forget()
    },
    async close() {
      for (const timer of timers) clearInterval(timer)
      await thread.end(new Problem('shutting-down'))
      await uses.close().catch(options.onError)
    },
  }
}

/** The manifest says that the row is ours: it was written under another root key, or never whole. */
function notUnwrapped(error: unknown): never {
  if (!(error instanceof SealError)) throw error
  throw new KeyRegistryError('the root key does not open a key of the registry.')
}

/** The keys that seal, sign and hash, and those that may do so at any moment. */
function protecting(ring: KeyRing | undefined): Key[] {
  return keyPurposes.flatMap((purpose) => ring?.all(purpose).filter(({ state }) => PROTECTS.has(state)) ?? [])
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
