import type { Database } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import type { Background } from '../../observability/background.ts'
import { Problem } from '../../values/problem.ts'
import type { RandomBytes } from '../../values/random.ts'
import type { KeyRing } from '../key/key-ring.ts'
import { KEYS_CHANNEL } from '../key/key-store.ts'
import { type KeyTimes, keyTimes } from '../key/key-times.ts'
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
import { purposesOfParts } from '../sealing/sealed-table.ts'
import { createSealingThread } from '../sealing/sealing-thread.ts'
import { createCurrentRing } from './current-ring.ts'
import { createKeyUses } from './key-uses.ts'
import { type RingWork, workWithRing } from './ring-work.ts'
import { createThrowAwayRing } from './throw-away-ring.ts'

/** The vault's keys: seals and opens with the ring, and replaces the ring when the registry changes. */
export interface Keys extends RingWork {
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
   * Reads the registry once more if the last look at it is no longer recent, as after the process was stopped or
   * starved, and waits for that. Call it before `active` and `seal`, which say whether the ring may be used. Never
   * rejects.
   */
  ensureFresh(): Promise<void>
  /** Reads the registry as it is now, or later. @throws {Problem} sealed, database-unavailable */
  refresh(): Promise<void>
  /**
   * The same work with keys of its own that nothing stores: what is sealed with them is thrown away. No use of a key of the
   * vault is counted.
   */
  rehearsal(): Keys
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

  const work = workWithRing({ current, uses, thread, purposes, now, alert, randomBytes })

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
  // No jobs: every process that holds keys follows the registry, a command too, and stops before its keys are wiped.
  const looking = background.every('read-key-registry', { everyMs: times.lookEveryMs }, look)
  const reporting = background.every('report-key-uses', { everyMs: times.reportEveryMs }, lookAndReport)

  const keys: Keys = {
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
    ...work,
    ensureFresh: current.ensureFresh,
    refresh: current.refresh,
    forget: current.forget,
    rehearsal() {
      const aside = {
        ...createThrowAwayRing(),
        ensureFresh: async () => {},
        refresh: async () => {},
        requireYoung() {},
      }
      return {
        ...keys,
        ...aside,
        isSealed: false,
        macs: createMacs({ current: aside, now }),
        ...workWithRing({ current: aside, uses: { consume() {} }, thread, purposes, now, alert, randomBytes }),
      }
    },
    async close() {
      await Promise.all([looking.stop(), reporting.stop()])
      await thread.end(new Problem('shutting-down'))
      await uses.close().catch(onUnreported)
    },
  }
  return keys
}
