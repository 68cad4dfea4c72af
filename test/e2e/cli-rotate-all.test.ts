import { createPublicKey, verify } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { macPurposes } from '../../src/keys/key/key.ts'
import type { RunningProgram } from '../support/run-program.ts'
import { checkout } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

const CHECKOUTS = 250
/** Four parts, each of a display and a secret part. */
const VALUES = CHECKOUTS * 8

interface Line {
  done: boolean
  paused?: boolean
  moved: number
  total: number
  remaining: number
  resumed?: boolean
  retired?: string[]
  active?: Record<string, string>
  root?: { rewrapped: number } | null
}

interface KeyLine {
  id: string
  purpose: string
  state: string
  sealed_values: number | null
  search_terms: number | null
  rotation: { state: string; moved: number; remaining: number } | null
}

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.start()
  const body = { items: Array.from({ length: CHECKOUTS }, () => checkout) }
  const answer = await vault.call('POST', '/v1/tokenize/batch', { token: await vault.token('checkout'), body })
  expect(answer.status).toBe(200)
})
afterAll(() => vault.remove())

/** One for each root key that there ever was. */
const passphrases = () => readdirSync(vault.dataDir).filter((name) => name.startsWith('root-key')).length

const keyStatus = async () => (await vault.cli(['keys', 'status', '--json'])).json<KeyLine[]>()

async function find(purpose: string, state = 'active'): Promise<KeyLine> {
  const key = (await keyStatus()).findLast((one) => one.purpose === purpose && one.state === state)
  if (key === undefined) expect.fail(`there is no ${state} ${purpose} key`)
  return key
}

function linesOf({ output }: Pick<RunningProgram, 'output'>): Line[] {
  const whole = output.stdout.slice(0, output.stdout.lastIndexOf('\n') + 1).trimEnd()
  return whole === '' ? [] : whole.split('\n').map((line) => JSON.parse(line) as Line)
}

async function rotate(...args: string[]): Promise<Line> {
  const program = vault.spawnCli(['keys', 'rotate', ...args, '--json'])
  const { code, stderr } = await program.ended
  expect(code, stderr).toBe(0)
  return linesOf(program).at(-1)!
}

/** Starts a slow rotation and waits until it has moved something. */
async function startSlowly(which: string, rate = '200'): Promise<RunningProgram> {
  const program = vault.spawnCli(['keys', 'rotate', which, '--keep-old-keys', '--rows-per-second', rate, '--json'])
  await vi.waitFor(() => expect(linesOf(program).at(-1)?.moved).toBeGreaterThan(0), { timeout: 30_000, interval: 20 })
  return program
}

describe('strongroom keys rotate', () => {
  it('rotates every kind of key, one or all, and then the root key last', async () => {
    const before = await keyStatus()
    const program = await startSlowly('all', '2000')
    expect(passphrases()).toBe(1)
    expect((await program.ended).code).toBe(0)
    const root = { id: expect.stringMatching(/^root_/), rewrapped: expect.any(Number) }
    expect(linesOf(program).at(-1)).toMatchObject({ done: true, remaining: 0, root })
    expect(passphrases()).toBe(2)
    const after = await keyStatus()
    expect(linesOf(program).at(-1)?.root?.rewrapped).toBe(after.filter(({ state }) => state !== 'destroyed').length)
    for (const { id, purpose } of before) {
      const state = purpose === 'registry-mac' ? 'destroyed' : 'deactivated'
      expect(after.find((key) => key.id === id)).toMatchObject({ state })
      expect(after.filter((key) => key.purpose === purpose && key.state === 'active')).toHaveLength(1)
    }
    for (const { state, sealed_values, search_terms } of after) {
      if (state === 'deactivated') expect(sealed_values ?? search_terms ?? 0).toBe(0)
    }
    for (const [which, purpose] of [
      ['index', 'index'],
      ['signing', 'token-signing'],
      ['audit', 'audit-signing'],
      ['certificate', 'certificate-signing'],
      ['message', 'message-signing'],
      ['receipt', 'receipt-signing'],
      ['script', 'script-signing'],
    ] as const) {
      const { id } = await find(purpose)
      const last = await rotate(which)
      expect(last).toMatchObject({
        done: true,
        retired: expect.arrayContaining([id]),
        active: { [purpose]: expect.stringMatching(/^key_/) },
      })
      expect(last.active?.[purpose]).not.toBe(id)
    }
    const found = await vault.call<{ results: unknown[] }>('POST', '/v1/search', {
      token: await vault.token('support'),
      body: { by: 'email', value: checkout.contact.email },
    })
    expect(found.body.results).toHaveLength(100)
  })

  it('shows with --dry-run what it would do, and does nothing', async () => {
    // A task of the server may destroy keys that are over.
    const inUse = async () => (await keyStatus()).filter(({ state }) => state === 'active' || state === 'pre-active')
    const before = await inUse()
    const estimate = (await vault.cli(['keys', 'rotate', 'data', '--dry-run', '--json'])).json<
      Record<string, unknown>
    >()
    expect(estimate).toMatchObject({ dry_run: true, total: VALUES, estimate_seconds: expect.any(Number) })
    expect(estimate.wal_bytes).toBeGreaterThan(0)
    const { stdout } = await vault.cli(['keys', 'rotate', 'index', '--dry-run', '--rows-per-second', '10'])
    expect(stdout).toMatch(
      /values would be moved in about \d+ s, at about 10 a second, with about \d+ MiB of WAL; nothing was changed/,
    )
    const files = passphrases()
    const root = (await vault.cli(['keys', 'rotate', 'root', '--dry-run', '--json'])).json<{ root_key: string }>()
    expect(root).toEqual({
      dry_run: true,
      root_key: expect.stringMatching(/^root_/),
      keys: expect.any(Number),
    })
    const all = (await vault.cli(['keys', 'rotate', 'all', '--dry-run', '--json'])).json()
    expect(all).toMatchObject({ dry_run: true, root_key: root.root_key })
    expect(await inUse()).toEqual(before)
    expect(passphrases()).toBe(files)
  })

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'pauses at %s in good order, and continues when it is run again',
    async (signal) => {
      const program = await startSlowly('data')
      program.child.kill(signal)
      const { code, stderr } = await program.ended
      expect(code, stderr).toBe(130)
      const last = linesOf(program).at(-1)!
      expect(last).toMatchObject({ done: false, paused: true })
      expect(last.moved + last.remaining).toBe(VALUES)
      expect((await find('secret')).rotation).toMatchObject({ state: 'paused' })
      expect(await rotate('data')).toMatchObject({ done: true, resumed: true, moved: last.remaining })
      expect((await find('secret')).rotation).toBeNull()
    },
  )

  it('says to the second of two who runs the first, or waits', async () => {
    const files = passphrases()
    const program = await startSlowly('all')
    const second = await vault.cli(['keys', 'rotate', 'all'])
    expect(second.code).toBe(1)
    expect(second.stderr).toMatch(
      new RegExp(`being rotated by operator:\\S+ since 20\\S+ \\(\\S+, process ${program.child.pid}\\)`),
    )
    const waiting = vault.spawnCli(['keys', 'rotate', 'signing', '--wait', '--json'])
    await vi.waitFor(() => expect(waiting.output.stderr).toContain('waiting: '), { timeout: 20_000, interval: 20 })
    program.child.kill('SIGINT')
    await program.ended
    expect((await waiting.ended).code).toBe(0)
    // One was refused and one paused: neither came to the root key.
    expect(passphrases()).toBe(files)
    expect(await rotate('data')).toMatchObject({ done: true, resumed: true })
  })

  it('leaves it to a server with --detach, which continues after it was killed', async () => {
    const files = passphrases()
    const rotate = ['keys', 'rotate', 'all', '--detach', '--rows-per-second', '300', '--json']
    const detached = await vault.cli(rotate)
    expect(detached.json()).toMatchObject({ detached: true, done: false })
    expect(detached.stderr).toContain('the root key is left out')
    await vi.waitFor(async () => expect((await find('secret')).rotation?.moved).toBeGreaterThan(0), {
      timeout: 60_000,
      interval: 100,
    })
    await vault.kill('SIGKILL')
    const halfway = await find('secret')
    expect(halfway.rotation?.remaining).toBeGreaterThan(0)
    await vault.start()
    await vi.waitFor(async () => expect((await find('secret')).rotation).toBeNull(), { timeout: 60_000, interval: 500 })
    expect((await find('secret')).id).toBe(halfway.id)
    expect((await find('secret', 'deactivated')).sealed_values).toBe(0)
    expect(passphrases()).toBe(files)
  })

  it.each([
    ['another key', ['nonsense']],
    ['no rate', ['data', '--rows-per-second', '0']],
    ['the root key at a rate', ['root', '--rows-per-second', '1']],
    ['the root key by a server', ['root', '--detach']],
    ['the root key in its turn', ['root', '--wait']],
  ])('refuses %s as wrong usage', async (_name, args) => {
    expect((await vault.cli(['keys', 'rotate', ...args])).code).toBe(2)
  })
})

describe('a retired key', () => {
  it('has a certificate that verifies, and is destroyed only when that is said twice', async () => {
    const { id } = await find('secret', 'deactivated')
    expect((await vault.cli(['keys', 'destroy', id])).code).toBe(2)
    expect((await vault.cli(['keys', 'destroy', id, '--yes', '--json'])).json()).toMatchObject({
      id,
      state: 'destroyed',
    })
    const { certificate, public_key, statement } = (await vault.cli(['keys', 'certificate', id, '--json'])).json<{
      certificate: string
      public_key: string
      statement: Record<string, unknown>
    }>()
    expect(statement).toMatchObject({ key: id, state: 'destroyed', census: { values: 0 } })
    expect(statement.values_moved).toBe(VALUES / 2)
    const [header, payload, signature] = certificate.split('.')
    const signed = Buffer.from(`${header}.${payload}`)
    expect(verify(null, signed, createPublicKey(public_key), Buffer.from(signature!, 'base64url'))).toBe(true)
    const active = await find('secret')
    const refused = await vault.cli(['keys', 'certificate', active.id])
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('is active')])
  })

  it('that is compromised is replaced and left at once, and what it exposed is listed', async () => {
    const { id } = await find('secret')
    const { json, stderr } = await vault.cli(['keys', 'compromise', id, '--json'])
    expect(json()).toMatchObject({
      id,
      purpose: 'secret',
      exposed: VALUES / 2,
      exposed_since: expect.stringMatching(/^20/),
      done: true,
      moved: VALUES / 2,
    })
    expect(stderr).toContain(`${id} is compromised`)
    expect((await find('secret', 'compromised')).sealed_values).toBe(0)
  })

  it('that is compromised when it encrypts nothing is replaced once, and a second report continues', async () => {
    const { id } = await find('audit-signing')
    const before = (await keyStatus()).length
    expect((await vault.cli(['keys', 'compromise', id, '--json'])).json()).toMatchObject({ id, exposed: 0, done: true })
    const { id: successor } = await find('audit-signing')
    expect((await vault.cli(['keys', 'compromise', id, '--json'])).json()).toMatchObject({ id, done: true })
    expect((await find('audit-signing')).id).toBe(successor)
    expect(await keyStatus()).toHaveLength(before + 1 + macPurposes.length)
  })
})
