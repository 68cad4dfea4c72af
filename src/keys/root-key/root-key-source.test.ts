import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { testRootKey } from '../../../test/support/test-keys.ts'
import {
  type RootKey,
  RootKeyConfigError,
  RootKeyMismatch,
  type RootKeyProvider,
  RootKeyUnreachable,
} from './root-key.ts'
import { createRootKeySource, type RootKeySource } from './root-key-source.ts'

const LEASE_MS = 60_000
const record = { id: 'root_test', provider: 'aws-kms', parameters: {} }

/** The provider, as the test wants it to be. */
let answer: 'right' | 'down' | 'wrong' | 'late' | 'refused'
let asked: number
let ended: number
let told: boolean[]
let source: RootKeySource
let rootKey: RootKey

async function reply(): Promise<void> {
  asked += 1
  if (answer === 'down') throw new RootKeyUnreachable('down')
  if (answer === 'wrong') throw new RootKeyMismatch(record)
  if (answer === 'refused') throw new RootKeyConfigError('no such key.')
  if (answer === 'late') await new Promise((resolve) => setTimeout(resolve, 10 * LEASE_MS))
}

function start(canGoAway = true): void {
  const open = async () => {
    await reply()
    rootKey = { ...testRootKey(), record, check: reply }
    return rootKey
  }
  const provider: RootKeyProvider = { name: 'aws-kms', canGoAway, create: open, open }
  source = createRootKeySource({
    provider,
    leaseMs: LEASE_MS,
    patienceMs: 1_000,
    onLeaseEnd: () => {
      ended += 1
    },
    onReachable: (reachable) => void told.push(reachable),
  })
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  ;[answer, asked, ended, told] = ['right', 0, 0, []]
  start()
})
afterEach(() => {
  source.close()
  vi.useRealTimers()
})

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('the lease of a root key that can go away', () => {
  it('continues as long as it answers', async () => {
    await source.open(record)
    await pass(10 * LEASE_MS)
    expect(ended).toBe(0)
    expect(asked).toBeGreaterThan(20)
  })

  it.each(['down', 'wrong', 'late', 'refused'] as const)('ends, to the millisecond, when it is %s', async (how) => {
    await source.open(record)
    answer = how
    await pass(LEASE_MS - 1)
    expect(ended).toBe(0)
    await pass(1)
    expect(ended).toBe(1)
    await pass(10 * LEASE_MS)
    expect(ended).toBe(1)
  })

  it('begins again with each answer, counted from the question', async () => {
    await source.open(record)
    await pass(LEASE_MS / 3)
    expect(asked).toBe(2)
    answer = 'down'
    await pass(LEASE_MS - 1)
    expect(ended).toBe(0)
    await pass(1)
    expect(ended).toBe(1)
  })

  it('is reported once when it goes away, and once when it is back', async () => {
    await source.open(record)
    answer = 'down'
    await pass(LEASE_MS * 0.8)
    expect(told).toEqual([false])
    answer = 'right'
    await pass(LEASE_MS)
    expect(told).toEqual([false, true])
    expect(ended).toBe(0)
  })

  it('is not kept for what cannot go away', async () => {
    start(false)
    await source.open(record)
    answer = 'down'
    await pass(100 * LEASE_MS)
    expect(ended).toBe(0)
    expect(asked).toBe(1)
  })
})

describe('asking for the root key', () => {
  const attempt = () =>
    source.open(record).then(
      () => 'open',
      (error: { code?: string; name: string }) => error.code ?? error.name,
    )

  it('is sealed while it is down, and asks less and less often', async () => {
    answer = 'down'
    for (let at = 0; at < 600; at += 1) {
      expect(await attempt()).toBe('sealed')
      await pass(500)
    }
    // Five minutes: 0.5 s, doubling, then every 30 s.
    expect(asked).toBeGreaterThan(10)
    expect(asked).toBeLessThan(20)
    answer = 'right'
    await pass(30_000)
    expect(await attempt()).toBe('open')
  })

  it('loses patience, and has the answer the next time', async () => {
    answer = 'late'
    const first = attempt()
    await pass(1_000)
    expect(await first).toBe('sealed')
    const second = attempt()
    await pass(1_000)
    expect(await second).toBe('sealed')
    expect(asked).toBe(1)
    await pass(10 * LEASE_MS)
    expect(await attempt()).toBe('open')
    expect(asked).toBe(1)
  })

  it('refuses what asking again would not mend; a wrong answer of what can go away may pass', async () => {
    answer = 'refused'
    expect(await attempt()).toBe('RootKeyConfigError')
    answer = 'wrong'
    expect(await attempt()).toBe('RootKeyConfigError')
    await pass(1_000)
    expect(await attempt()).toBe('sealed')
    start(false)
    expect(await attempt()).toBe('RootKeyMismatch')
  })

  it('takes what custodians put together, after any failed attempts', async () => {
    answer = 'down'
    expect(await attempt()).toBe('sealed')
    source.take({ ...testRootKey(), record })
    expect(await attempt()).toBe('open')
  })

  it('refuses a record of another provider, and says how to move', async () => {
    await expect(source.open({ ...record, provider: 'pkcs11' })).rejects.toThrow('keys migrate-root --to aws-kms')
  })
})
