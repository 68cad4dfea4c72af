import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { RotationRunning } from '../../src/keys/rotation/rotation.ts'
import { checkout } from '../support/samples.ts'
import { openEverySealedValue } from '../support/sealed-values.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'

// A rotation waits some seconds for other servers, and several are run in a test.
vi.setConfig({ testTimeout: 90_000 })

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const CHECKOUTS = 100
/** Four parts, each of a display and a secret part. */
const VALUES = CHECKOUTS * 8

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start({ overrides: steadyKeys })
  const token = await vault.clientToken(['tokenize'])
  const items = Array.from({ length: CHECKOUTS }, () => checkout)
  expect((await vault.call('POST', '/v1/tokenize/batch', { token, body: { items } })).status).toBe(200)
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const data = { purposes: ['display', 'secret'] } as const

async function activeKeys() {
  const keys = await vault.commands.keyStatus()
  return keys.filter(({ purpose, state }) => state === 'active' && ['display', 'secret'].includes(purpose))
}

async function metric(of: TestVault, name: string): Promise<number | undefined> {
  const { body } = await of.metrics.text()
  const line = body.split('\n').find((one) => one.startsWith(name))
  return line === undefined ? undefined : Number(line.split(' ').at(-1))
}

describe('a limited rotation', () => {
  it('moves no more than its rate, in small pages, and as many', async () => {
    const perSecond = 200
    const steps: { at: number; moved: number }[] = []
    await vault.commands.rotateKeys(
      OPERATOR,
      { ...data, rowsPerSecond: perSecond },
      {
        signal: new AbortController().signal,
        onProgress: ({ moved }) => steps.push({ at: performance.now(), moved }),
      },
    )
    const [first, last] = [steps[0]!, steps.findLast(({ moved }, at) => moved > (steps[at - 1]?.moved ?? -1))!]
    expect(last.moved).toBe(VALUES)
    const seconds = (last.at - first.at) / 1000
    // It may save up a quarter of a second, while a slow machine counts what there is to move.
    expect((VALUES - perSecond / 4) / seconds).toBeLessThan(perSecond * 1.2)
    expect(VALUES / seconds).toBeGreaterThan(perSecond * 0.5)
    const pages = steps.map(({ moved }, at) => moved - (steps[at - 1]?.moved ?? 0))
    expect(Math.max(...pages)).toBeLessThanOrEqual(perSecond / 2)
  })
})

describe('a rotation that is paused', () => {
  it('finishes its page, says what remains, and is gone on with by the next one', async () => {
    const abort = new AbortController()
    const paused = await vault.commands.rotateKeys(
      OPERATOR,
      { ...data, rowsPerSecond: 400 },
      { signal: abort.signal, onProgress: ({ moved }) => moved >= 100 && abort.abort() },
    )
    expect(paused).toMatchObject({ done: false, paused: true, retired: [], damaged: [] })
    expect(paused.moved).toBeGreaterThanOrEqual(100)
    expect(paused.moved + paused.remaining).toBe(VALUES)
    await openEverySealedValue(vault)
    const shown = (await activeKeys()).map(({ rotation }) => rotation)
    expect(shown).toEqual(Array(2).fill(expect.objectContaining({ operator: OPERATOR.id, state: 'paused' })))
    expect(shown.reduce((sum, rotation) => sum + rotation!.moved, 0)).toBe(paused.moved)
    expect(await vault.rotate()).toMatchObject({ done: true, resumed: true, moved: paused.remaining })
    expect((await activeKeys()).map(({ rotation, sealed_values }) => [rotation, sealed_values])).toEqual([
      [null, VALUES / 2],
      [null, VALUES / 2],
    ])
  })

  it('before it promoted its keys, promotes the same ones afterwards, and replaces a lost one', async () => {
    const before = (await activeKeys()).map(({ id }) => id)
    const abort = new AbortController()
    const paused = await vault.rotate('data', { signal: abort.signal, onWait: () => abort.abort() })
    expect(paused).toMatchObject({ done: false, paused: true, moved: 0 })
    const made = (await vault.commands.listKeys()).filter(({ state }) => state === 'pre-active')
    expect(made.map(({ purpose }) => purpose).sort()).toEqual(['display', 'secret'])
    const [lost, kept] = (['display', 'secret'] as const).map(
      (purpose) => made.find((key) => key.purpose === purpose)!.id,
    )
    await expect(vault.commands.destroyKey(OPERATOR, lost!)).rejects.toThrow('rotation that has not ended')
    await vault.commands.compromiseKey(OPERATOR, lost!)
    const { active } = await vault.rotate()
    expect(active.secret).toBe(kept)
    expect([...before, lost]).not.toContain(active.display)
  })
})

describe('a rotation during which the database does not answer', () => {
  it('for longer than the keys in memory may be used unconfirmed, continues by itself', async () => {
    const proxy = await startTcpProxy(vault.database.serverUrl)
    const cutOff = await TestVault.start({
      sharedDatabase: { ...vault.database, serverUrl: proxy.url },
      overrides: steadyKeys,
    })
    const said: string[] = []
    let stalled = false
    try {
      const result = await cutOff.commands.rotateKeys(
        OPERATOR,
        { ...data, rowsPerSecond: 400 },
        {
          signal: new AbortController().signal,
          onWait: (reason) => said.push(reason),
          onProgress({ moved }) {
            if (stalled || moved < 100) return
            stalled = true
            proxy.stall()
            setTimeout(() => proxy.mend(), 2 * steadyKeys.keyTimes.ringMaxAgeMs)
          },
        },
      )
      expect(result).toMatchObject({ done: true, remaining: 0, moved: VALUES, total: VALUES })
      // It waits for the next look at the registry, or for the database; the root key is there all the time.
      expect(stalled).toBe(true)
      expect(said.join()).not.toContain('sealed')
      expect((await activeKeys()).map(({ id }) => id).sort()).toEqual(Object.values(result.active).sort())
      const made = (await vault.commands.listKeys()).slice(-2).map(({ id }) => id)
      expect(made.sort()).toEqual(Object.values(result.active).sort())
    } finally {
      await cutOff.stop()
      await proxy.close()
    }
  })
})

describe('the second of two', () => {
  it('says who runs the first and since when, or waits for it', async () => {
    let told: Error | undefined
    const waiting: string[] = []
    let second: ReturnType<typeof vault.rotate> | undefined
    let running: ReturnType<typeof activeKeys> | undefined
    await vault.rotate('data', {
      onProgress: async () => {
        if (second !== undefined) return
        running = activeKeys()
        second = vault.rotate('index', { wait: true, onWait: (reason) => waiting.push(reason) })
        await vault.rotate().catch((error) => {
          told = error
        })
      },
    })
    expect(told).toBeInstanceOf(RotationRunning)
    expect(told?.message).toMatch(/display, secret keys .* by operator:test since 20\d\d-.*process \d+/)
    expect((await running)?.map(({ rotation }) => rotation?.state)).toEqual(['running', 'running'])
    expect(await second).toMatchObject({ done: true })
    expect(waiting[0]).toBe(told?.message)
  })
})

describe('an estimate', () => {
  it('counts what a rotation would move, and changes nothing', async () => {
    // What the sample sealed and dropped is counted as used, since its nonces are.
    const states = async () => (await vault.commands.listKeys()).map(({ id, state }) => [id, state])
    const before = [await states(), await vault.count('rotations')]
    const values = await openEverySealedValue(vault)
    const estimate = await vault.commands.estimateRotation({ ...data, rowsPerSecond: 100 })
    expect(estimate).toMatchObject({ dry_run: true, total: VALUES, values_per_second: 100 })
    expect(estimate.estimate_seconds).toBeGreaterThanOrEqual(VALUES / 100)
    // Each value has some hundred bytes, and so have the pages that hold them.
    expect(estimate.wal_bytes / VALUES).toBeGreaterThan(200)
    expect(estimate.wal_bytes / VALUES).toBeLessThan(10_000)
    expect(estimate.keys.reduce((sum, { values }) => sum + values, 0)).toBe(VALUES)
    const measured = await vault.commands.estimateRotation(data)
    expect(measured.values_per_second).toBeGreaterThan(500)
    expect([await states(), await vault.count('rotations')]).toEqual(before)
    expect(await openEverySealedValue(vault)).toEqual(values)
  })
})

describe('a rotation that is left to the servers', () => {
  it('is gone on with by another server when the first one stops, and shows in metrics and status', async () => {
    const config = { runsRotations: true }
    const first = await TestVault.start({ sharedDatabase: vault.database, config, overrides: steadyKeys })
    try {
      // So slowly that some of it is left when the first server has stopped, on a busy machine too.
      await vault.commands.requestRotation(OPERATOR, { ...data, rowsPerSecond: 100 })
      expect((await activeKeys())[0]?.rotation).toMatchObject({ state: 'waiting', runner: null })
      await vi.waitFor(
        async () =>
          expect(await metric(first, 'strongroom_rotation_values{purpose="secret",state="moved"}')).toBeGreaterThan(0),
        { timeout: 20_000, interval: 50 },
      )
    } finally {
      await first.stop()
    }
    const [halfway] = await activeKeys()
    expect(halfway?.rotation).toMatchObject({ state: 'paused', operator: OPERATOR.id })
    expect(halfway?.rotation?.remaining).toBeGreaterThan(0)
    const other = await TestVault.start({ sharedDatabase: vault.database, config, overrides: steadyKeys })
    try {
      await vi.waitFor(async () => expect((await activeKeys()).map(({ rotation }) => rotation)).toEqual([null, null]), {
        timeout: 40_000,
        interval: 100,
      })
      expect(await metric(other, 'strongroom_rotation_values{purpose="secret",state="remaining"}')).toBe(0)
      expect(await metric(other, 'strongroom_rotation_values{purpose="secret",state="moved"}')).toBe(VALUES / 2)
    } finally {
      await other.stop()
    }
    const keys = await vault.commands.keyStatus()
    const old = keys.filter(({ state, sealed_values }) => state === 'deactivated' && sealed_values !== null)
    expect(old.every(({ sealed_values }) => sealed_values === 0)).toBe(true)
    const [event] = (await vault.events({ type: 'keys.rotate' })).slice(-1)
    expect(event).toMatchObject({ outcome: 'success', caller: OPERATOR })
  })
})
