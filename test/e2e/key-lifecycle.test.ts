import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { keyPurposes } from '../../src/keys/key/key.ts'
import type { InventoryLine } from '../../src/keys/lifecycle/inventory.ts'
import { runSql } from '../support/dump-tables.ts'
import { VaultProcess } from '../support/vault-process.ts'

const CARDS = 60
const card = { number: '4242424242424242', exp_month: 12, exp_year: 2031 }

let vault: VaultProcess

beforeAll(async () => {
  vault = await VaultProcess.start()
  await tokenize(CARDS)
})
afterAll(() => vault.remove())

async function tokenize(count: number): Promise<void> {
  const body = { items: Array.from({ length: count }, () => ({ card })) }
  const answer = await vault.call('POST', '/v1/tokenize/batch', { token: await vault.token('checkout'), body })
  expect(answer.status, answer.text).toBe(200)
}

const inventory = async () => (await vault.cli(['keys', 'inventory', '--json'])).json<InventoryLine[]>()

async function keyOf(purpose: string, state = 'active'): Promise<InventoryLine> {
  const found = (await inventory()).find((key) => key.purpose === purpose && key.state === state)
  if (found === undefined) throw new Error(`there is no ${state} ${purpose} key`)
  return found
}

describe('keys inventory', () => {
  it('lists every key as JSON, and as a table for a person', async () => {
    const lines = await inventory()
    expect(lines.map(({ purpose }) => purpose)).toEqual(['root', ...keyPurposes])
    expect(lines.find(({ purpose }) => purpose === 'secret')).toMatchObject({ state: 'active', references: CARDS })
    const { stdout, code } = await vault.cli(['keys', 'inventory'])
    expect(code).toBe(0)
    const [head, ...rows] = stdout.trimEnd().split('\n')
    expect(head).toMatch(/^id +purpose +state +algorithm +bits +age +uses +references +expires +worn +use$/)
    expect(rows.map((row) => row.split(/ {2,}/)[0])).toEqual(lines.map(({ id }) => id))
  })

  it('has counted every use, also those that a killed server never reported', async () => {
    await vi.waitUntil(async () => (await keyOf('secret')).uses === CARDS, { timeout: 20_000, interval: 500 })
    await tokenize(7)
    await vault.kill('SIGKILL')
    await vault.start()
    const { uses_at_most, references } = await keyOf('secret')
    expect(references).toBe(CARDS + 7)
    expect(uses_at_most).toBeGreaterThanOrEqual(CARDS + 7)
    await tokenize(1)
    await vi.waitUntil(async () => (await keyOf('secret')).uses! >= CARDS + 1, { timeout: 20_000, interval: 500 })
  })
})

describe('keys compromise and keys destroy', () => {
  it('replace a key at once, keep it while it is needed, and remove it when it is empty', async () => {
    const { id, activated_at, references } = await keyOf('secret')
    const active = await vault.cli(['keys', 'destroy', id, '--yes'])
    expect(active).toMatchObject({ code: 1, stdout: '' })
    expect(active.stderr).toContain(`${id} is active`)

    const exposure = (await vault.cli(['keys', 'compromise', id, '--json'])).json<Record<string, unknown>>()
    expect(exposure).toMatchObject({ id, exposed_since: activated_at, exposed: references })
    expect(exposure.replaced_by).toBe((await keyOf('secret')).id)

    const unasked = await vault.cli(['keys', 'destroy', id])
    expect(unasked).toMatchObject({ code: 2, stdout: '' })
    expect(unasked.stderr).toContain('--yes')
    expect(unasked.stderr).toContain('opens with the root key of its day')
    expect((await keyOf('secret', 'compromised')).id).toBe(id)

    expect(await keyOf('secret', 'compromised')).toMatchObject({ closed: true, references: 0 })
    const reasons = [[], ['--reason', 'the card 4242 4242 4242 4242']]
    for (const reason of reasons) expect((await vault.cli(['keys', 'reopen', id, ...reason])).code).toBe(2)
    const reopened = await vault.cli(['keys', 'reopen', id, '--reason', 'CASE-7: a row of Monday', '--json'])
    expect(reopened.json(), reopened.stderr).toEqual({ id, closed: false })
    expect((await keyOf('secret', 'compromised')).closed).toBe(false)

    const rotated = await vault.cli(['keys', 'rotate', '--json'])
    expect(rotated.code, rotated.stderr).toBe(0)
    const destroyed = await vault.cli(['keys', 'destroy', id, '--yes', '--json'])
    expect(destroyed.code, destroyed.stderr).toBe(0)
    const root = await keyOf('root')
    const time = expect.stringMatching(/^2.*Z$/)
    const opensThem = { id: root.id, provider: 'passphrase-file', from: time, until: time }
    const backups = { made_from: time, made_until: time, root_keys: [opensThem] }
    expect(destroyed.json()).toEqual({ id, state: 'destroyed', backups })
    expect(destroyed.stderr).toContain(`hold ${id} still, wrapped by the root key of their day`)
    expect(destroyed.stderr).toMatch(new RegExp(`${root.id} +passphrase-file`))
    expect((await inventory()).find((key) => key.id === id)).toMatchObject({ state: 'destroyed', references: 0 })
    await tokenize(1)
  })
})

describe('a key row that was changed outside the vault', () => {
  it('seals the running server with an alert, refuses the next start, and both name the row', async () => {
    const { id } = await keyOf('index')
    const { urls, stop } = await openEmbeddedDatabase({ dataDir: vault.dataDir, role: 'command', log: () => {} })
    try {
      const change = (by: string) =>
        runSql(urls.superuser, `UPDATE keys SET expires_at = expires_at ${by} interval '1 day' WHERE id = '${id}'`)
      await change('+')
      const readiness = async () => (await vault.call('GET', '/readyz')).status
      await vi.waitUntil(async () => (await readiness()) === 503, { timeout: 30_000, interval: 200 })
      expect((await vault.call('GET', '/readyz')).body).toMatchObject({ code: 'sealed' })
      expect((await vault.call('GET', '/healthz')).status).toBe(200)
      const alerted = new RegExp(`"alert":"key-registry-changed".*key ${id} \\(index\\): expires_at was changed`)
      await vi.waitFor(() => expect(vault.output.stdout).toMatch(alerted), { timeout: 10_000 })
      const refused = await vault.cli(['keys', 'list'])
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain(`key ${id} (index): expires_at was changed`)
      await change('-')
      await vi.waitUntil(async () => (await readiness()) === 200, { timeout: 30_000, interval: 200 })
    } finally {
      await stop()
    }
  })
})
