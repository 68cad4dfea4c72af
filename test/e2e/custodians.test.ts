import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { keyPurposes } from '../../src/keys/key/key.ts'
import { attendCeremony, CUSTODIANS, cliAtTerminal, names, unseal } from '../support/custodians.ts'
import { terminalIsMissing } from '../support/terminal.ts'
import { VaultProcess } from '../support/vault-process.ts'
import { without } from '../support/without.ts'

const missing = terminalIsMissing()
const needs = without(missing)

const CARD = { card: { number: '4242 4242 4242 4242', exp_month: 12, exp_year: 2031 } }

describe.skipIf(missing)(`a vault whose root key three custodians hold and two can open${needs}`, () => {
  let vault: VaultProcess
  let shares: string[]

  async function startSealed(env: Record<string, string> = {}): Promise<void> {
    vault.spawn({ ...CUSTODIANS, ...env })
    await vi.waitFor(async () => expect((await vault.call('GET', '/healthz')).status).toBe(200), {
      timeout: 60_000,
      interval: 50,
    })
  }
  const readiness = async () => {
    const { status, body } = await vault.call<{ code?: string; status?: unknown }>('GET', '/readyz')
    return status === 200 ? 'ready' : `${status} ${body.code}`
  }
  const events = async (type: string) =>
    (await vault.cli(['audit', 'list', '--type', type, '--limit', '1000', '--json'], CUSTODIANS)).json<
      { type: string; outcome: string; count?: number; caller: { id: string } }[]
    >()

  beforeAll(async () => {
    vault = await VaultProcess.create()
    await startSealed({ STRONGROOM_WORKERS: '2' })
  })
  afterAll(() => vault.remove())

  it('starts sealed before there is a root key: alive, not ready, and nothing is answered', async () => {
    expect(await readiness()).toBe('503 sealed')
    for (const [method, path] of [
      ['POST', '/v1/tokenize'],
      ['POST', '/oauth/token'],
      ['GET', '/.well-known/jwks.json'],
    ] as const) {
      const answer = await vault.call<{ code: string }>(method, path, method === 'POST' ? { body: CARD } : {})
      expect([path, answer.status, answer.body.code]).toEqual([path, 503, 'sealed'])
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    }
  })

  it('the ceremony shows each custodian their share once, and needs all of them to acknowledge', async () => {
    const terminal = cliAtTerminal(vault, ['keys', 'ceremony', '--shares', '3', '--threshold', '2', '--json'])
    const attended = attendCeremony(terminal, names.slice(0, 3))
    shares = await attended
    const [result] = await terminal.sees(/\{"id":"root_.*\}/)
    await terminal.sees(/running servers are still sealed.*"strongroom unseal"/)
    expect(await terminal.ended).toBe(0)
    expect(JSON.parse(result)).toMatchObject({ shares: 3, threshold: 2, custodians: names.slice(0, 3), replaced: null })
    expect(new Set(shares).size).toBe(3)
    for (const share of shares) expect(terminal.screen().split(share)).toHaveLength(2)
    const acknowledged = (await events('root-key.acknowledge')).map(({ caller }) => caller.id)
    expect(acknowledged.sort()).toEqual(
      names
        .slice(0, 3)
        .map((name) => `custodian:${name}`)
        .sort(),
    )
  })

  it('one custodian alone, however often, does not open it', async () => {
    const first = await unseal(vault, shares[0]!)
    expect(first).toMatchObject({ code: 0, screen: expect.stringContaining('1 of 2 shares') })
    const again = await unseal(vault, shares[0]!)
    expect(again).toMatchObject({ code: 1, screen: expect.stringContaining('not accepted') })
    expect(await readiness()).toBe('503 sealed')
    expect((await events('root-key.share')).map(({ outcome }) => outcome)).toEqual(['success', 'refused'])
  })

  it('a second one does, in all workers, and the screen has shown no share', async () => {
    const { code, screen } = await unseal(vault, shares[2]!)
    expect(code).toBe(0)
    expect(screen).toContain('the vault is open')
    expect(screen).not.toContain(shares[2]!.slice(-20))
    await vi.waitFor(async () => expect(await readiness()).toBe('ready'), { timeout: 30_000 })
    await vi.waitFor(() => expect(vault.output.stdout).toContain('Strongroom is open'), { timeout: 30_000 })
    for (let at = 0; at < 10; at += 1) {
      const answer = await vault.call('POST', '/v1/tokenize', { token: await vault.token('checkout'), body: CARD })
      expect(answer.status, answer.text).toBe(201)
    }
  })

  it('opens a worker that takes the place of one that died', async () => {
    const { workersOf } = await import('../support/worker-processes.ts')
    const before = workersOf(vault.pid)
    process.kill(before[0]!, 'SIGKILL')
    await vi.waitFor(() => expect(workersOf(vault.pid).filter((pid) => !before.includes(pid))).toHaveLength(1), {
      timeout: 20_000,
    })
    const fresh = workersOf(vault.pid)
    process.kill(before[1]!, 'SIGKILL')
    // Only the new one answers, or a newer one: a sealed one would say so.
    for (let at = 0; at < 20; at += 1) {
      const status = await readiness().catch(() => 'no worker yet')
      expect(['ready', 'no worker yet']).toContain(status)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(fresh).not.toEqual(before)
    await vi.waitFor(async () => expect(await readiness()).toBe('ready'), { timeout: 20_000 })
  })

  it('starts sealed again, and reads after two other custodians what was stored before', async () => {
    const stored = await vault.call<{ card: { token: string } }>('POST', '/v1/tokenize', {
      token: await vault.token('checkout'),
      body: CARD,
    })
    await vault.stop()
    await startSealed()
    expect(await readiness()).toBe('503 sealed')
    await unseal(vault, shares[1]!)
    await unseal(vault, shares[2]!)
    await vi.waitFor(async () => expect(await readiness()).toBe('ready'), { timeout: 30_000 })
    const { client_id, client_secret } = vault.sampleCaller('support')
    const { access_token } = (await vault.requestToken(client_id, client_secret)).body
    const read = await vault.call('GET', `/v1/tokens/${stored.body.card.token}`, { token: access_token })
    expect(read.status, read.text).toBe(200)
  })

  it('a command that needs the keys asks for the shares, and one custodian alone gets nowhere, which is audited', async () => {
    const refused = (await events('root-key.share')).filter(({ outcome }) => outcome === 'refused').length
    const alone = cliAtTerminal(vault, ['keys', 'rotate', '--json'])
    await alone.sees(/The share of one custodian: /)
    alone.type(shares[0]!)
    await alone.sees(/1 of 2 shares; the next custodian, please\./)
    alone.type(shares[0]!)
    await alone.sees(/not accepted/)
    await alone.sees(/The share of one custodian: /)
    alone.press('\x03')
    expect(await alone.ended).toBe(1)
    const attempts = (await events('root-key.share')).filter(({ outcome }) => outcome === 'refused')
    expect(attempts).toHaveLength(refused + 2)
    expect(attempts.at(-1)).toMatchObject({ count: 1 })
    expect((await vault.cli(['keys', 'list', '--json'], CUSTODIANS)).json<unknown[]>()).toHaveLength(
      keyPurposes.length + 1,
    )

    const together = cliAtTerminal(vault, ['keys', 'rotate', '--json'])
    for (const share of shares.slice(0, 2)) {
      await together.sees(/The share of one custodian: /)
      together.type(share)
    }
    await together.sees(/"done":true/)
    expect(await together.ended).toBe(0)
  })

  it('no share is ever in a command line, an environment, a log or a file', async () => {
    const terminal = cliAtTerminal(vault, ['unseal'])
    await terminal.sees(/Your share: /)
    terminal.press(shares[0]!)
    await terminal.sees(/•{60}/)
    for (const pid of [terminal.pid(), vault.pid]) {
      const process = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'latin1')).join('\0')
      expect(process).toContain('strongroom')
      for (const share of shares) expect(process).not.toContain(share.slice(0, 40))
    }
    terminal.press('\x03')
    expect(await terminal.ended).toBe(1)
    for (const share of shares) {
      const parts = [share, share.slice(27), share.replaceAll('-', '')]
      for (const part of parts) expect(vault.output.stdout + vault.output.stderr).not.toContain(part)
    }
  })

  it('shares come from a terminal only', async () => {
    for (const args of [['unseal'], ['keys', 'ceremony', '--shares', '3', '--threshold', '2'], ['keys', 'rotate']]) {
      const { code, stderr } = await vault.cli(args, CUSTODIANS)
      expect([args, code]).toEqual([args, 1])
      expect(stderr).toContain('at a terminal only')
    }
    for (const args of [['ceremony'], ['migrate-root', '--to', 'custodian-shares']]) {
      const split = ['--shares', '3', '--threshold', '1']
      const early = await vault.cli(['keys', ...args, ...split], CUSTODIANS)
      expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('at least 2 custodians')])
    }
    const { code, stderr } = await vault.cli(['unseal', shares[0]!], CUSTODIANS)
    expect(code).toBe(2)
    expect(stderr).not.toContain(shares[0]!)
  })

  it('when a custodian leaves, the others make a new root key: the running server has it, and the old shares open nothing', async () => {
    const reshare = cliAtTerminal(vault, ['keys', 'ceremony', '--reshare', '--shares', '3', '--threshold', '2'])
    for (const share of shares.slice(1)) {
      await reshare.sees(/The share of one custodian: /)
      reshare.type(share)
    }
    const fresh = await attendCeremony(reshare, names.slice(1, 4))
    await reshare.sees(/the server beside this command has the new root key/)
    expect(await reshare.ended).toBe(0)
    expect(await readiness()).toBe('ready')

    // It takes up keys that are made under the new root key.
    const rotate = cliAtTerminal(vault, ['keys', 'rotate', '--json'])
    for (const share of fresh.slice(0, 2)) {
      await rotate.sees(/The share of one custodian: /)
      rotate.type(share)
    }
    await rotate.sees(/"done":true/)
    expect(await rotate.ended).toBe(0)
    expect(await readiness()).toBe('ready')

    await vault.stop()
    await startSealed()
    for (const old of shares) expect((await unseal(vault, old)).code).toBe(1)
    expect(await readiness()).toBe('503 sealed')
    for (const share of [fresh[2]!, fresh[0]!]) expect((await unseal(vault, share)).code).toBe(0)
    await vi.waitFor(async () => expect(await readiness()).toBe('ready'), { timeout: 30_000 })
  })
})
