import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY_MS = 24 * 60 * 60 * 1000
const SOON = { timeout: 20_000 }

let vault: TestVault
let second: TestVault

beforeEach(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  second = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
})
afterEach(async () => {
  await vault.checkInvariants()
  await second.stop()
  await vault.stop()
})

const servers = () => [vault, second]
const at = (days: number) => {
  for (const server of servers()) server.clockOffsetMs = days * DAY_MS
}
const states = async () => {
  const rows = await vault.database.sql<{ state: string }>(
    "SELECT state FROM keys WHERE purpose = 'message-signing' ORDER BY created_at",
  )
  return rows.map(({ state }) => state)
}
const directory = (on: TestVault) => on.call('GET', '/.well-known/http-message-signatures-directory')
const kids = async (on: TestVault) => (await directory(on)).body.keys.map(({ kid }: { kid: string }) => kid)

describe('the directory of message keys', () => {
  it('is a JWK Set that anyone may read, the same on every server', async () => {
    const [here, there] = await Promise.all(servers().map(directory))
    expect(here!.status).toBe(200)
    expect(here!.headers['content-type']).toBe('application/http-message-signatures-directory+json')
    expect(here!.body).toEqual({
      keys: [
        {
          kty: 'OKP',
          crv: 'Ed25519',
          x: expect.stringMatching(/^[\w-]{43}$/),
          kid: expect.stringMatching(/^[\w-]{43}$/),
          use: 'sig',
          alg: 'EdDSA',
        },
      ],
    })
    expect(there!.body).toEqual(here!.body)
  })

  it('shows the next key a day before it signs and the last one a day after, of a vault without an operator', async () => {
    const [first] = await kids(vault)
    at(293)
    await vi.waitUntil(async () => (await states()).includes('pre-active'), SOON)
    expect(await states()).toEqual(['active', 'pre-active'])
    for (const server of servers()) await vi.waitUntil(async () => (await kids(server)).length === 2, SOON)
    expect((await kids(vault))[0]).toBe(first)

    at(294.1)
    await vi.waitUntil(async () => (await states()).includes('deactivated'), SOON)
    expect(await states()).toEqual(['deactivated', 'active'])
    for (const server of servers()) {
      await vi.waitUntil(async () => (await kids(server))[0] !== first, SOON)
      expect(await kids(server)).toContain(first)
    }

    at(295.2)
    await vi.waitUntil(async () => (await states()).includes('destroyed'), SOON)
    for (const server of servers()) await vi.waitUntil(async () => (await kids(server)).length === 1, SOON)
    expect(await kids(vault)).not.toContain(first)
  }, 60_000)

  it('has no compromised key, at once, on every server', async () => {
    const [first] = await kids(vault)
    const [row] = await vault.database.sql<{ id: string }>("SELECT id FROM keys WHERE purpose = 'message-signing'")
    await vault.commands.compromiseKey(OPERATOR, row!.id)
    for (const server of servers()) await vi.waitUntil(async () => !(await kids(server)).includes(first), SOON)
    expect(await kids(vault)).toHaveLength(1)
  })
})
