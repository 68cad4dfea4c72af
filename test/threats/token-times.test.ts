import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createForge, type Forge } from '../support/forged-token.ts'
import { expectRefusal } from '../support/refusal.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let forge: Forge
let path: string

beforeAll(async () => {
  vault = await TestVault.start()
  forge = await createForge(vault)
  path = `/v1/tokens/${(await vault.tokenize({ contact })).contact!.token}`
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const read = (token: string) => () => vault.call('GET', path, { token })
const expected = { status: 401, code: 'unauthenticated' } as const

const now = () => Math.floor(Date.now() / 1000)
const HOUR = 3600
const DAY = 24 * HOUR

describe('times', () => {
  it.each([
    ['exp in the past', () => ({ iat: now() - 310, exp: now() - 10 })],
    ['exp at the beginning of time', () => ({ exp: 0 })],
    ['exp before the beginning of time', () => ({ exp: -1 })],
    ['exp ten years ahead', () => ({ exp: now() + 3650 * DAY })],
    ['exp beyond the longest life of a token', () => ({ exp: now() + 8 * HOUR + 60 })],
    ['exp as a text', () => ({ exp: String(now() + 300) })],
    ['exp as null', () => ({ exp: null })],
    ['exp as a list', () => ({ exp: [now() + 300] })],
    ['nbf in the future', () => ({ nbf: now() + 60 })],
    ['nbf as a text', () => ({ nbf: 'soon' })],
    ['iat in the future', () => ({ iat: now() + 60, exp: now() + 120 })],
    ['iat longer ago than the longest life of a token', () => ({ iat: now() - 9 * HOUR, exp: now() + 60 })],
    ['iat as a text', () => ({ iat: String(now()) })],
  ])('refuses %s', async (_name, changes) => {
    await expectRefusal(vault, read(forge.sign(forge.header(), forge.claims(changes()))), expected)
  })
})

it.each([
  ['iat half a minute ahead', () => ({ iat: now() + 30 })],
  ['nbf half a minute ahead', () => ({ nbf: now() + 30 })],
])('accepts %s: clocks differ', async (_name, changes) => {
  expect((await read(forge.sign(forge.header(), forge.claims(changes())))()).status).toBe(200)
})

describe('claims', () => {
  it.each(['iss', 'aud', 'sub', 'client_id', 'iat', 'exp', 'jti', 'scope', 'caller_kind', 'purposes', 'site'])(
    'refuses a token without %s',
    async (claim) => {
      await expectRefusal(vault, read(forge.sign(forge.header(), forge.claims({ [claim]: undefined }))), expected)
    },
  )

  it.each([
    ['an empty subject', { sub: '' }],
    ['an empty site', { site: '' }],
    ['a role that does not exist', { role: 'emperor' }],
    ['a purpose that does not exist', { purposes: ['curiosity'] }],
    ['another kind of caller', { caller_kind: 'operator' }],
    ['a list of scopes', { scope: ['token:read'] }],
  ])('refuses %s', async (_name, changes) => {
    await expectRefusal(vault, read(forge.sign(forge.header(), forge.claims(changes))), expected)
  })
})

describe('as the clock goes', () => {
  afterEach(() => {
    vault.clockOffsetMs = 0
  })

  it('refuses a token that it has accepted before, once it has expired', async () => {
    const token = await vault.staffToken('support', { minutes: 10 })
    expect((await read(token)()).status).toBe(200)
    vault.clockOffsetMs = 9 * 60_000
    expect((await read(token)()).status).toBe(200)
    vault.clockOffsetMs = 10 * 60_000 + 6_000
    await expectRefusal(vault, read(token), expected)
  })

  it("refuses a client's token after five minutes", async () => {
    const token = await vault.clientToken(['token:read'])
    vault.clockOffsetMs = 306_000
    await expectRefusal(vault, read(token), expected)
  })
})
