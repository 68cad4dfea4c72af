import { Problem } from '../../values/problem.ts'
import { requireProvider } from './providers.ts'
import {
  type RootKey,
  RootKeyMismatch,
  type RootKeyProvider,
  type RootKeyRecord,
  RootKeyUnreachable,
} from './root-key.ts'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000
/** How often within a lease the root key is asked for, so that one lost answer does not end it. */
const CHECKS_PER_LEASE = 3

export interface RootKeySourceOptions {
  provider: RootKeyProvider
  /** How long the keys may be used after the root key was last there, for providers that can go away. */
  leaseMs: number
  /** How long one question waits for a provider that can go away; the answer is kept for the next one. */
  patienceMs: number
  /** The lease has ended: the keys must be forgotten. */
  onLeaseEnd: (reason: Problem) => void
  /** The root key is unavailable, or is there again. Called at each change, not at each try. */
  onReachable: (reachable: boolean, error?: unknown) => void
}

/**
 * The source of the registry's root key, as often as it asks: with retries, and with a lease for providers that can go
 * away.
 */
export interface RootKeySource {
  /** Makes the root key of a vault that has none. @throws {Problem} sealed, until it can be made */
  create(id: string, vault: string): Promise<RootKeyRecord>
  /**
   * @throws {Problem} sealed, when it is unavailable
   * @throws {RootKeyConfigError | RootKeyMismatch} when a retry cannot help
   */
  open(record: RootKeyRecord): Promise<RootKey>
  /** Takes a root key that was put together by its custodians, or has just been made. */
  take(rootKey: RootKey): void
  close(): void
}

export function createRootKeySource(options: RootKeySourceOptions): RootKeySource {
  const { provider, leaseMs, patienceMs, onLeaseEnd } = options
  /** By id, because both are needed while one replaces another. */
  const taken = new Map<string, RootKey>()
  let leased: RootKey | undefined
  let timer: NodeJS.Timeout | undefined
  let deadline: NodeJS.Timeout | undefined
  let closed = false
  let asking: Promise<RootKey> | undefined
  let reachable = true
  let failures = 0
  let retryAt = 0
  let lastError: unknown = sealed(new RootKeyUnreachable(`${provider.name} has not answered yet`))

  function setReachable(now: boolean, error?: unknown): void {
    if (now !== reachable) options.onReachable(now, error)
    reachable = now
  }

  /** The answer to callers until it is time to ask again. */
  function failed(error: unknown): unknown {
    const backOff = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures)
    failures += 1
    retryAt = performance.now() + backOff
    lastError = mayPass(error) ? sealed(error, backOff) : error
    setReachable(false, error)
    return lastError
  }

  /**
   * A wrong answer may come from something between the vault and the provider, so it is tried again. A wrong passphrase
   * stays wrong.
   */
  const mayPass = (error: unknown) =>
    error instanceof RootKeyUnreachable || (error instanceof RootKeyMismatch && provider.canGoAway)

  async function attempt(open: () => Promise<RootKey>): Promise<RootKey> {
    if (performance.now() < retryAt) throw lastError
    try {
      const rootKey = await open()
      failures = 0
      setReachable(true)
      return rootKey
    } catch (error) {
      throw failed(error)
    }
  }

  /** One question to the provider at a time; it continues when its caller no longer waits. */
  async function ask(open: () => Promise<RootKey>): Promise<RootKey> {
    if (!provider.canGoAway) return attempt(open)
    asking ??= attempt(open)
      .then((rootKey) => {
        taken.set(rootKey.record.id, rootKey)
        return rootKey
      })
      .finally(() => {
        asking = undefined
      })
    const rootKey = await within(patienceMs, asking)
    if (rootKey === undefined) throw lastError
    return rootKey
  }

  function lease(rootKey: RootKey, asked: number): void {
    if (!provider.canGoAway || closed) return
    if (leased !== rootKey) leased?.close?.()
    leased = rootKey
    clearTimeout(deadline)
    // The lease ends in time, also if an answer is still awaited.
    deadline = setTimeout(endLease, asked + leaseMs - performance.now()).unref()
    clearTimeout(timer)
    timer = setTimeout(renew, leaseMs / CHECKS_PER_LEASE, rootKey).unref()
  }

  async function renew(rootKey: RootKey): Promise<void> {
    const asked = performance.now()
    try {
      await rootKey.check()
      if (leased !== rootKey) return
      setReachable(true)
      lease(rootKey, asked)
    } catch (error) {
      if (leased !== rootKey) return
      setReachable(false, error)
      timer = setTimeout(renew, Math.min(LAST_RETRY_MS, leaseMs / (2 * CHECKS_PER_LEASE)), rootKey).unref()
    }
  }

  function endLease(): void {
    clearTimeout(timer)
    leased?.close?.()
    leased = undefined
    taken.clear()
    const reason = new RootKeyUnreachable(`${provider.name} has not answered for the length of the lease`)
    failed(reason)
    onLeaseEnd(sealed(reason))
  }

  return {
    async create(id, vault) {
      const made = [...taken.values()].at(-1) ?? (await ask(() => provider.create(id, undefined, vault)))
      taken.set(made.record.id, made)
      return made.record
    },
    async open(record) {
      const asked = performance.now()
      const known = taken.get(record.id)
      if (known === undefined) requireProvider(record, provider.name)
      const rootKey = known ?? (await ask(() => provider.open(record)))
      lease(rootKey, asked)
      return rootKey
    },
    take(rootKey) {
      taken.set(rootKey.record.id, rootKey)
      retryAt = 0
    },
    close() {
      closed = true
      clearTimeout(timer)
      clearTimeout(deadline)
      leased?.close?.()
      leased = undefined
      for (const rootKey of taken.values()) rootKey.close?.()
    },
  }
}

function sealed(cause: unknown, retryAfterMs = FIRST_RETRY_MS): Problem {
  return new Problem('sealed', { cause, retryAfterSeconds: Math.ceil(retryAfterMs / 1000) })
}

/** What the promise resolves to, or undefined if that takes too long; it may continue. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  promise.catch(() => {})
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
