import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const HOUR_MS = 60 * 60 * 1000
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
const at = (days: number, ms = 0) => {
  for (const server of servers()) server.clockOffsetMs = days * DAY_MS + ms
}

interface SigningKey {
  id: string
  state: string
  gone: boolean
}

const signingKeys = () =>
  vault.database.sql<SigningKey>(
    "SELECT id, state, wrapped IS NULL AS gone FROM keys WHERE purpose = 'token-signing' ORDER BY created_at",
  )
const states = async () => (await signingKeys()).map(({ state }) => state)
const jwks = async (on: TestVault) =>
  (await on.call('GET', '/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid)
const signerOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString('utf8')).kid
const works = async (token: string) => {
  const answers = servers().map((on) => on.call('POST', '/v1/tokenize', { token, body: { contact } }))
  return (await Promise.all(answers)).map(({ status }) => status)
}

describe('two unattended servers', () => {
  it('make one new signing key, show it before it signs, and destroy the old one after its last token', async () => {
    const [first] = await signingKeys()
    at(71)
    const early = await vault.clientToken(['tokenize'])
    expect(signerOf(early)).toBe(first!.id)
    expect(await states()).toEqual(['active'])

    at(73)
    await vi.waitUntil(async () => (await signingKeys()).length > 1, SOON)
    const [, next] = await signingKeys()
    expect(await states()).toEqual(['active', 'pre-active'])
    for (const server of servers()) {
      await vi.waitUntil(async () => (await jwks(server)).includes(next!.id), SOON)
      expect(await jwks(server)).toEqual([first!.id, next!.id])
    }
    const before = await vault.clientToken(['tokenize'])
    expect(signerOf(before)).toBe(first!.id)

    at(73, HOUR_MS + 60_000)
    await vi.waitUntil(async () => (await states()).includes('deactivated'), SOON)
    expect(await states()).toEqual(['deactivated', 'active'])
    await vi.waitUntil(async () => signerOf(await second.clientToken(['tokenize'])) === next!.id, SOON)
    for (const server of servers()) expect((await jwks(server)).sort()).toEqual([first!.id, next!.id].sort())

    at(73, 10 * HOUR_MS)
    await vi.waitUntil(async () => (await states()).includes('destroyed'), SOON)
    expect((await signingKeys()).map(({ state, gone }) => [state, gone])).toEqual([
      ['destroyed', true],
      ['active', false],
    ])
    for (const server of servers()) await vi.waitUntil(async () => (await jwks(server)).length === 1, SOON)
    const after = await vault.clientToken(['tokenize'])
    expect(await works(after)).toEqual([201, 201])
    const events = await vault.events()
    const ofVault = events.filter(
      ({ type, caller }) => (caller as { id?: string })?.id === 'strongroom' && String(type).startsWith('key.'),
    )
    // Those of one transaction may have the same time.
    expect(ofVault.map(({ type, subject }) => `${type} ${subject}`).sort()).toEqual([
      `key.create ${next!.id}`,
      `key.deactivate ${first!.id}`,
      `key.destroy ${first!.id}`,
      `key.promote ${next!.id}`,
    ])
  })

  it('let a token of the old key pass until it expires', async () => {
    at(73)
    await vi.waitUntil(async () => (await states()).includes('pre-active'), SOON)
    at(73, HOUR_MS - 60_000)
    const old = await vault.clientToken(['tokenize'])
    expect(signerOf(old)).toBe((await signingKeys())[0]!.id)
    at(73, HOUR_MS + 60_000)
    await vi.waitUntil(async () => (await states()).includes('deactivated'), SOON)
    expect(await works(old)).toEqual([201, 201])
  })

  it('issue tokens at once after they slept past the expiry, and make one key for it', async () => {
    at(100)
    const [a, b] = await Promise.all(servers().map((server) => server.clientToken(['tokenize'])))
    expect(await works(a!)).toEqual([201, 201])
    expect(await works(b!)).toEqual([201, 201])
    expect(await states()).toEqual(['deactivated', 'active'])
  })
})

it('a server that starts after the expiry has a key that signs', async () => {
  const late = await TestVault.start({
    sharedDatabase: vault.database,
    overrides: { ...quickKeys, now: () => new Date(Date.now() + 100 * DAY_MS) },
  })
  try {
    expect(await states()).toEqual(['deactivated', 'active'])
    expect((await late.clientToken(['tokenize'])).split('.')).toHaveLength(3)
  } finally {
    await late.stop()
  }
})
