import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type KmsEmulator, kmsEnvironment, kmsIsMissing, startKmsEmulator } from '../support/aws-kms.ts'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { TestVault } from '../support/test-vault.ts'
import { without } from '../support/without.ts'

const missing = kmsIsMissing()

const LEASE_SECONDS = 3

/** Attack 59: the KMS is down, stalls, or answers wrongly. */
describe.skipIf(missing)(`a vault whose root key is in a KMS${without(missing)}`, () => {
  let kms: KmsEmulator
  let proxy: TcpProxy
  let rootKey: { provider: 'aws-kms'; leaseSeconds: number; keyId: string }
  let vault: TestVault
  let token: string
  let checkout: string
  let support: string

  beforeAll(async () => {
    kms = await startKmsEmulator()
    proxy = await startTcpProxy(kms.url)
    Object.assign(process.env, kmsEnvironment(proxy.url.replace(/\/$/, '')))
    rootKey = { provider: 'aws-kms', leaseSeconds: LEASE_SECONDS, keyId: await kms.createKey() }
  })
  afterAll(async () => {
    for (const name of Object.keys(kmsEnvironment(''))) delete process.env[name]
    await proxy.close()
    await kms.stop()
  })
  beforeEach(async () => {
    vault = await TestVault.start({ config: { keys: rootKey } })
    checkout = await vault.clientToken(['tokenize'])
    support = await vault.staffToken('support')
    token = (await vault.tokenize({ contact })).contact!.token!
  })
  afterEach(async () => {
    proxy.mend()
    await vault.checkInvariants()
    await vault.stop()
  })

  const tokenize = (on = vault) => on.call('POST', '/v1/tokenize', { token: checkout, body: { contact } })
  const read = (on = vault) => on.call('GET', `/v1/tokens/${token}`, { token: support })
  const alerts = (of = vault) =>
    of.logLines
      .map((line) => JSON.parse(line) as { alert?: string; level: string; reason?: string })
      .filter(({ alert }) => alert === 'root-key-unreachable')

  async function expectSealed(server: TestVault): Promise<void> {
    for (const answer of [await tokenize(server), await read(server), await server.call('GET', '/readyz')]) {
      expectProblem(answer, 503, 'sealed')
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    }
    expect((await server.call('GET', '/healthz')).status).toBe(200)
  }
  const status = async (server: TestVault) => (await server.call('GET', '/readyz')).status

  it.each([
    ['is down', () => proxy.cut()],
    ['stalls', () => proxy.stall()],
  ])('that %s: it serves as long as its lease, seals itself, and opens again by itself', async (_what, breakIt) => {
    const broken = performance.now()
    breakIt()
    expect((await tokenize()).status).toBe(201)
    await vi.waitFor(async () => expect(await status(vault)).toBe(503), { timeout: 20_000, interval: 50 })
    const served = performance.now() - broken
    expect(served).toBeGreaterThan(LEASE_SECONDS * 1000 * 0.5)
    expect(served).toBeLessThan(LEASE_SECONDS * 1000 + 2_000)
    await expectSealed(vault)
    expect(alerts().length).toBeGreaterThan(0)
    expect(alerts()[0]).toMatchObject({ level: 'error' })

    proxy.mend()
    await vi.waitFor(async () => expect(await status(vault)).toBe(200), { timeout: 30_000, interval: 50 })
    expect((await tokenize()).status).toBe(201)
    expect((await read()).status).toBe(200)
  })

  it('that was away for less than the lease: only the log notices', async () => {
    proxy.cut()
    await vi.waitFor(() => expect(alerts()).toHaveLength(1), { timeout: 5_000, interval: 20 })
    expect((await tokenize()).status).toBe(201)
    proxy.mend()
    const until = performance.now() + 2 * LEASE_SECONDS * 1000
    while (performance.now() < until) expect((await tokenize()).status).toBe(201)
    expect(alerts()).toHaveLength(1)
  })

  it.each([
    ['down', () => proxy.cut()],
    ['stalled', () => proxy.stall()],
  ])('that is %s at the start: the vault starts sealed, and opens when it is back', async (_what, breakIt) => {
    breakIt()
    const second = await TestVault.start({ config: { keys: rootKey }, sharedDatabase: vault.database })
    try {
      await expectSealed(second)
      proxy.mend()
      await vi.waitFor(async () => expect(await status(second)).toBe(200), { timeout: 30_000, interval: 50 })
      expect((await read(second)).status).toBe(200)
    } finally {
      await second.stop()
    }
  })

  it('that is down when a vault is new: it stays sealed without keys, and makes them when it is back', async () => {
    proxy.cut()
    const fresh = await TestVault.start({ config: { keys: rootKey } })
    try {
      expectProblem(await fresh.call('GET', '/readyz'), 503, 'sealed')
      expect(await fresh.count('keys')).toBe(0)
      proxy.mend()
      await vi.waitFor(async () => expect(await status(fresh)).toBe(200), { timeout: 30_000, interval: 50 })
      await fresh.tokenize({ contact })
    } finally {
      await fresh.stop()
    }
  })

  it('that cannot be reached when keys are to be made: nothing is written', async () => {
    const before = await vault.database.sql('SELECT id, state FROM keys ORDER BY id')
    proxy.cut()
    const operator = { id: 'operator:test', kind: 'operator' } as const
    await expect(vault.rotate()).rejects.toThrow()
    await expect(vault.rootKeys.rotate(operator)).rejects.toThrow()
    expect(await vault.database.sql('SELECT id, state FROM keys ORDER BY id')).toEqual(before)
    expect(await vault.count('root_keys')).toBe(1)
  })
})
