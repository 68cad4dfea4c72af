import type { Database } from '../../database/database.ts'
import { DatabaseError } from '../../database/database-error.ts'
import type { Alert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import { isMacPurpose, type Key, type KeyState, keyPurposes } from '../key/key.ts'
import { type KeyRing, unwrapKeyRing } from '../key/key-ring.ts'
import type { KeyTimes } from '../key/key-times.ts'
import { KeyRegistryError } from '../key/registry-manifest.ts'
import type { Registry, VerifiedRegistry } from '../registry/open-registry.ts'
import type { RegistryAnchor } from '../registry/registry-anchor.ts'
import { SealError } from '../sealing/seal-context.ts'
import type { KeyUses } from './key-uses.ts'

/** Uses of these keys are fetched ahead, because a pre-active key may be promoted at any moment. */
const PROTECTS = new Set<KeyState>(['pre-active', 'active'])

/** How often the registry may change while it is being opened. */
const MAX_OPENS = 5

export interface CurrentRingOptions {
  database: Database
  alert: Alert
  times: KeyTimes
  registry: Registry
  /** What the first registry is compared with. Default: nothing. */
  anchor?: RegistryAnchor | undefined
  uses: KeyUses
  /** The registry was changed outside the vault, or the keys are forgotten: nothing more is sealed for now. */
  onUnusable: (reason: Problem) => void
}

/** The ring in memory, and how recently the registry has confirmed it. */
export interface CurrentRing {
  /** @throws {Problem} sealed, or why the registry could not be read */
  readonly ring: KeyRing
  /** The registry as it was verified the last time. @throws {Problem} as `ring` */
  readonly verified: VerifiedRegistry
  readonly isSealed: boolean
  /** Whether the registry was changed outside the vault, which is an alert of its own. */
  readonly isDistrusted: boolean
  /** The first read. @throws {KeyRegistryError | Problem | DatabaseError} except when the vault is sealed */
  open(): Promise<void>
  /** @throws {Problem} busy, or why the registry could not be read, when the ring is too old to seal with */
  requireYoung(): void
  /** See `Keys`. */
  ensureFresh(): Promise<void>
  /** See `Keys`. */
  refresh(): Promise<void>
  /** See `Keys`. */
  forget(reason: Problem): void
}

export function createCurrentRing(options: CurrentRingOptions): CurrentRing {
  const { database, alert, times, registry, anchor, uses, onUnusable } = options
  let isEstablished = false
  let ring: KeyRing | undefined
  let seen: VerifiedRegistry | undefined
  /** Why the ring must not be used at all, even if it is there. */
  let distrust: Problem | undefined
  let confirmedAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined
  let readingNext: Promise<void> | undefined
  /** Why the ring was not confirmed the last time. */
  let stale: Problem | undefined

  async function confirm(): Promise<void> {
    if (!isEstablished) await registry.establish()
    isEstablished = true
    // Opening the root key and the keys may take longer than a ring may be old: the age counts from a read that opens nothing.
    for (let reads = 1; await readRing(); reads++) {
      if (reads > MAX_OPENS) throw new Problem('busy')
    }
  }

  /** Reads the registry. Answers whether keys had to be opened for the ring. */
  async function readRing(): Promise<boolean> {
    const asked = performance.now()
    const verified = await registry.read(database).catch((error) => {
      if (!(error instanceof KeyRegistryError)) sealUnverified(error, problemOf(error))
      throw error
    })
    const isChanged = verified.generation !== seen?.generation || ring === undefined
    if (isChanged) {
      const next = await unwrapKeyRing(verified, () => registry.rootKey(verified.rootKey), ring).catch(notUnwrapped)
      if (seen === undefined) await anchor?.requireCurrent(verified, next, () => registry.read(database))
      anchor?.follow(verified)
      await uses.hold(protecting(next))
      ring = next
      uses.keepOnly(protecting(next))
    }
    uses.observe(verified.keys)
    seen = verified
    registry.remember(verified)
    confirmedAt = asked
    distrust = undefined
    stale = undefined
    return isChanged
  }

  /**
   * The vault does not work with unverified keys: the root key was replaced, and with it the keys that prove what the
   * vault wrote. It continues when it has the new root key. A database that does not answer says nothing about the
   * keys.
   */
  function sealUnverified(error: unknown, problem: Problem): void {
    if (ring === undefined || error instanceof DatabaseError) return
    if (error instanceof Problem && error.code !== 'sealed') return
    const { message } = problem.cause instanceof Error ? problem.cause : problem
    alert('root-key-unreachable', { reason: message })
    ring = undefined
    onUnusable(problem)
  }

  async function reload(): Promise<void> {
    try {
      await confirm()
    } catch (error) {
      const problem = problemOf(error)
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
    onUnusable(problem)
  }

  function read(): Promise<void> {
    reading ??= reload().finally(() => {
      reading = undefined
    })
    return reading
  }

  function currentRing(): KeyRing {
    if (distrust !== undefined) throw distrust
    if (ring === undefined) throw stale ?? new Problem('sealed')
    return ring
  }

  return {
    get ring() {
      return currentRing()
    },
    get verified() {
      currentRing()
      if (seen === undefined) throw new Problem('sealed')
      return seen
    },
    get isSealed() {
      return distrust !== undefined || ring === undefined
    },
    get isDistrusted() {
      return distrust !== undefined
    },
    open: () =>
      confirm().catch((error) => {
        if (error instanceof KeyRegistryError) alert('key-registry-changed', { reason: error.message })
        if (!(error instanceof Problem) || error.code !== 'sealed') throw error
        stale = error
      }),
    requireYoung() {
      if (performance.now() - confirmedAt > times.ringMaxAgeMs) throw stale ?? new Problem('busy')
    },
    async ensureFresh() {
      const isRecent = () => performance.now() - confirmedAt <= times.ringMaxAgeMs / 2
      // A read that is under way may have begun long ago.
      for (let reads = 0; reads < 2 && !isRecent(); reads++) await read().catch(() => {})
    },
    /**
     * A read that is under way may have seen the registry before the change that the caller waits for; waiting callers
     * share one.
     */
    refresh() {
      if (reading === undefined) return read()
      readingNext ??= reading
        .catch(() => {})
        .then(() => {
          readingNext = undefined
          return read()
        })
      return readingNext
    },
    forget(reason) {
      ring = undefined
      stale = reason
      onUnusable(reason)
      registry.forget()
    },
  }
}

function problemOf(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(codeOf(error), { cause: error })
}

/** Only problems with the root key and the registry are called "sealed". */
function codeOf(error: unknown): 'sealed' | 'database-unavailable' {
  return error instanceof DatabaseError ? 'database-unavailable' : 'sealed'
}

/** The manifest says that the row is the vault's, so it was written under another root key, or not completely. */
function notUnwrapped(error: unknown): never {
  if (!(error instanceof SealError)) throw error
  throw new KeyRegistryError('the root key does not open a key of the registry.')
}

/** The keys that seal, sign and hash, and those that may do so at any moment: their uses are counted. */
function protecting(ring: KeyRing | undefined): Key[] {
  return keyPurposes
    .filter((purpose) => !isMacPurpose(purpose))
    .flatMap((purpose) => ring?.all(purpose).filter(({ state }) => PROTECTS.has(state)) ?? [])
}
