import { availableParallelism } from 'node:os'
import type { Database } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import type { Background } from '../../observability/background.ts'
import { Problem } from '../../values/problem.ts'
import type { RandomBytes } from '../../values/random.ts'
import { isClosed } from '../key/closed-keys.ts'
import type { Key, KeyPurpose } from '../key/key.ts'
import type { KeyRing } from '../key/key-ring.ts'
import { KEYS_CHANNEL } from '../key/key-store.ts'
import { type KeyTimes, keyTimes } from '../key/key-times.ts'
import { boundRowsMark } from '../key/marks.ts'
import { createMacs, type Macs } from '../registry/macs.ts'
import {
  createRegistry,
  type Registry,
  type RegistryOptions,
  type VerifiedRegistry,
} from '../registry/open-registry.ts'
import type { RegistryAnchor } from '../registry/registry-anchor.ts'
import { RootKeyUnreachable } from '../root-key/root-key.ts'
import type { ReferencingTables } from '../sealing/referencing-tables.ts'
import { bindsRow, open, seal } from '../sealing/seal.ts'
import { type SealContext, SealError, type Sealed } from '../sealing/seal-context.ts'
import { purposesOfParts } from '../sealing/sealed-table.ts'
import { createSealingThread, type PlainValue } from '../sealing/sealing-thread.ts'
import { createCurrentRing } from './current-ring.ts'
import { createKeyUses } from './key-uses.ts'

/** The sealing of fewer values takes less time than it takes another thread to wake up and answer. */
const MANY_VALUES = 20
const hasSecondCore = availableParallelism() > 1

/** The vault's keys: seals and opens with the ring, and replaces the ring when the registry changes. */
export interface Keys {
  /** @throws {Problem} sealed */
  readonly ring: KeyRing
  /** Whether nothing can be done with the keys now. */
  readonly isSealed: boolean
  /** What authenticates rows that only the vault may write. */
  readonly macs: Macs
  /** What `changeRegistry` changes. */
  readonly registry: Registry
  /** Everything that is stored under the keys. */
  readonly referencing: ReferencingTables
  /** The times that this server keeps, and that a rotation waits for. */
  readonly times: KeyTimes
  /** The registry as it was verified the last time. @throws {Problem} sealed */
  readonly verified: VerifiedRegistry
  /**
   * The key that seals, signs or hashes what will be stored, and counts one use by default. Look-ups take their keys
   * from the ring, which gives expired ones too.
   *
   * @throws {Problem} key-expired, if its cryptoperiod or its uses are over; sealed or database-unavailable, if the
   *   registry could not be read for too long; busy, if it was not, see `ensureFresh`
   */
  active(purpose: KeyPurpose, uses?: number): Key
  /** Seals under the active key of that purpose. @throws {Problem} as `active` */
  seal(purpose: 'display' | 'secret', context: SealContext, plaintext: Uint8Array, padToBytes: number): Sealed
  /**
   * Seals values and wipes their plaintext; answers in their order. Many are sealed in a thread of their own, if the
   * machine has a second core.
   *
   * @throws {Problem} as `active`; busy, when the thread fails
   */
  sealAll(values: readonly PlainValue[]): Promise<Sealed[]>
  /**
   * Opens under the key that sealed, which must be one for that part; an unknown key id is looked up in the registry
   * first. A closed key opens nothing. A value in a row of an earlier version, which is not bound to the rest of it,
   * opens only under a key that had such values when this version came, and until a rotation has moved them.
   *
   * @throws {Problem} record-integrity, which is an alert, and sealed
   */
  open(sealed: Sealed, context: SealContext): Promise<Buffer>
  /**
   * Reads the registry once more if the last look at it is no longer recent, as after the process was stopped or
   * starved, and waits for that. Call it before `active` and `seal`, which say whether the ring may be used. Never
   * rejects.
   */
  ensureFresh(): Promise<void>
  /** Reads the registry as it is now, or later. @throws {Problem} sealed, database-unavailable */
  refresh(): Promise<void>
  /** Forgets every key for that reason. The vault is sealed until the next look has the root key again. */
  forget(reason: Problem): void
  close(): Promise<void>
}

export interface KeysOptions extends RegistryOptions {
  /** What nonces are drawn from. */
  randomBytes: RandomBytes
  database: Database
  alert: Alert
  /** The background tasks that read the registry and report uses. */
  background: Background
  times?: KeyTimes | undefined
  /** What the first registry is compared with. Default: nothing. */
  anchor?: RegistryAnchor | undefined
}

/**
 * Opens the key registry, and on the first start of a vault fills it: a root key record and one active key of each
 * purpose. If the root key is not available now, the vault starts sealed and asks for it again.
 *
 * The manifest shows a start whether any row was swapped, copied, rolled back, edited, added or removed. If the whole
 * registry was put back to an older state, including its manifest, the anchor shows it, by what checkpoints state and
 * what is pinned on this machine; the key events in the audit log show it as far as a key has ended since. A running
 * server remembers the generation it has seen, and seals itself when the registry falls behind it.
 *
 * @throws {KeyRegistryError} if the root key does not open the registry, or the registry was changed outside the vault
 */
export async function openKeys(options: KeysOptions): Promise<Keys> {
  const { database, randomBytes, now, alert, background, anchor, referencing, times = keyTimes } = options
  const registry = createRegistry(options)
  const purposes = purposesOfParts(referencing.sealed)
  const onUnreported = (error: unknown) => background.failed('report-key-uses', error)
  const uses = createKeyUses(database, onUnreported, (key, reason) => alert('key-registry-changed', { key, reason }))
  const thread = createSealingThread()
  const current = createCurrentRing({
    database,
    alert,
    times,
    registry,
    anchor,
    uses,
    onUnusable: (reason) => void thread.end(reason),
  })

  function active(purpose: KeyPurpose, count = 1): Key {
    const key = current.ring.active(purpose)
    current.requireYoung()
    if (key.expiresAt !== null && now() >= key.expiresAt) throw new Problem('key-expired', { retryAfterSeconds: 60 })
    uses.consume(key.id, count)
    return key
  }

  function sealNow(purpose: KeyPurpose, context: SealContext, plaintext: Uint8Array, padToBytes: number): Sealed {
    const key = active(purpose)
    return { keyId: key.id, bytes: seal(key, context, plaintext, padToBytes, randomBytes) }
  }

  /** The key that may open that part. @throws {SealError} */
  async function keyFor(id: string, part: string): Promise<Key> {
    const isShut = () => isClosed(current.verified.marks, id)
    // Another server may have made the key, or opened it again, just now.
    if (!current.ring.find(id) || isShut()) await current.refresh()
    const found = current.ring.find(id)
    if (!found) throw new SealError('sealed under a key that does not exist')
    if (found.purpose !== purposes.get(part)) throw new SealError('sealed under a key of another purpose')
    if (isShut()) throw new SealError('sealed under a key that is closed: see "strongroom keys reopen"')
    return found
  }

  await current.open()
  // A distrusted registry and a missing root key have alerts of their own. A full pool is reported to its callers.
  const onFailure = (error: unknown) => {
    const isAwaited = error instanceof Problem && (error.cause instanceof RootKeyUnreachable || error.code === 'busy')
    if (!current.isDistrusted && !isAwaited) throw error
  }
  const look = () => current.refresh().catch(onFailure)
  const lookAndReport = () => current.refresh().then(uses.settle).catch(onFailure)
  // Not by the task: one that is under way may have read the registry before.
  await database.listen(KEYS_CHANNEL, () => void lookAndReport().catch(onUnreported))
  const looking = background.every('read-key-registry', { everyMs: times.lookEveryMs }, look)
  const reporting = background.every('report-key-uses', { everyMs: times.reportEveryMs }, lookAndReport)

  return {
    get ring() {
      return current.ring
    },
    get isSealed() {
      return current.isSealed
    },
    get verified() {
      return current.verified
    },
    macs: createMacs({ current, now }),
    registry,
    referencing,
    times,
    active,
    seal: sealNow,
    async sealAll(values) {
      try {
        await current.ensureFresh()
        if (values.length < MANY_VALUES || !hasSecondCore) {
          return values.map(({ purpose, context, plaintext, padToBytes }) =>
            sealNow(purpose, context, plaintext, padToBytes),
          )
        }
        const byPurpose = Map.groupBy(values, ({ purpose }) => purpose)
        const keyOf = new Map([...byPurpose].map(([purpose, { length }]) => [purpose, active(purpose, length)]))
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
        const key = await keyFor(sealed.keyId, context.part)
        const isOfRow = context.facts === undefined || bindsRow(sealed.bytes)
        if (!isOfRow && current.verified.marks.includes(boundRowsMark(key.id))) {
          throw new SealError('sealed value is not bound to its row, as all under its key are')
        }
        return open(key, context, sealed.bytes)
      } catch (error) {
        if (!(error instanceof SealError)) throw error
        const { kind, token, part, version } = context
        alert('record-integrity', { kind, token, part, version, reason: error.message })
        throw new Problem('record-integrity', { cause: error })
      }
    },
    ensureFresh: current.ensureFresh,
    refresh: current.refresh,
    forget: current.forget,
    async close() {
      await Promise.all([looking.stop(), reporting.stop()])
      await thread.end(new Problem('shutting-down'))
      await uses.close().catch(onUnreported)
    },
  }
}
