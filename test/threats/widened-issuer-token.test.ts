import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { callBound } from '../support/bound-caller.ts'
import { type CallerKey, createCallerKey } from '../support/caller-keys.ts'
import type { Json } from '../support/forge-token.ts'
import { PlainProvider } from '../support/plain-provider.ts'
import { expectProblem } from '../support/problems.ts'
import { billingAddress, card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * Attack 35 on an identity provider's tokens: one that was made for little is used for all that its person may do. And what an
 * option of one issuer allows must not weaken another.
 */
const BILLING = 'vault-billing'

let provider: PlainProvider
let directory: string
let vault: TestVault
let key: CallerKey
let records: Record<'card' | 'address', string>

beforeAll(async () => {
  provider = await PlainProvider.start()
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-widened-'))
  const issuersFile = path.join(directory, 'issuers.json')
  const shared = {
    audience: 'vault',
    algorithms: ['RS256'],
    ca_file: provider.caFile,
    mappings: [{ claim: 'groups', value: BILLING, role: 'billing' }],
  }
  const issuers = [
    { ...shared, name: 'strict', issuer: `${provider.url}/strict` },
    {
      ...{ ...shared, name: 'loose', issuer: `${provider.url}/loose`, audience_claim: 'cid', token_type: 'JWT' },
      typ_may_be_absent: true,
      max_token_seconds: 86_400,
      discovery_url: `${provider.url}/elsewhere?p=signin`,
    },
  ]
  provider.documents.set('/elsewhere?p=signin', { issuer: `${provider.url}/loose`, jwks_uri: `${provider.url}/jwks` })
  writeFileSync(issuersFile, JSON.stringify(issuers))
  vault = await TestVault.start({ config: { access: { issuersFile } } })
  key = await createCallerKey()
  const stored = await vault.tokenize({ card, billing_address: billingAddress })
  records = { card: stored.card!.token!, address: stored.billing_address!.token! }
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await vault.stop()
  await provider.stop()
  rmSync(directory, { recursive: true })
})

const seconds = () => Math.floor(Date.now() / 1000)

function sign(changes: { header?: Json; claims?: Json; issuer?: string } = {}, signer = provider.privateKey): string {
  const claims = {
    iss: `${provider.url}/${changes.issuer ?? 'strict'}`,
    aud: 'vault',
    sub: 'ann',
    client_id: 'console',
    jti: randomUUID(),
    iat: seconds(),
    exp: seconds() + 300,
    groups: [BILLING],
    ...changes.claims,
  }
  return provider.sign({ alg: 'RS256', typ: 'at+jwt', kid: 'one', ...changes.header }, claims, signer)
}
const body = { purpose: 'process-payment' }
const reveal = (kind: 'card' | 'address', token: string) =>
  vault.call('POST', `/v1/tokens/${records[kind]}/reveal`, { token, body })
const read = (token: string) => vault.call('GET', `/v1/tokens/${records.card}`, { token })

describe('a token that names scopes', () => {
  it('and one that names none reveals what the role may see: the group is right', async () => {
    expect((await reveal('address', sign())).status).toBe(200)
    const token = sign({ claims: { cnf: { jkt: key.thumbprint } } })
    const shown = await callBound(vault, 'POST', `/v1/tokens/${records.card}/reveal`, { token, key }, { body })
    expect(shown.body.data, shown.text).toHaveProperty('number')
  })

  it.each<[string, Json]>([
    ['scp, a list', { scp: ['token:read'] }],
    ['scp, a text', { scp: 'token:read openid' }],
    ['scp beside a scope of others', { scope: 'openid profile', scp: ['token:read'] }],
    ['scp beside a wider scope', { scope: 'token:read card:reveal address:reveal', scp: ['token:read'] }],
    ['scope beside a wider scp', { scope: 'token:read', scp: ['token:read', 'card:reveal', 'address:reveal'] }],
    ['scope, a list', { scope: ['token:read'] }],
    ['scp with a tab between', { scp: 'token:read\topenid' }],
  ])('in %s reveals nothing, bound to its owner or not', async (_what, claims) => {
    const token = sign({ claims })
    expect((await read(token)).status).toBe(200)
    for (const kind of ['card', 'address'] as const) {
      expectProblem(await reveal(kind, token), 403, 'scope-missing')
    }
    const bound = sign({ claims: { ...claims, cnf: { jkt: key.thumbprint } } })
    const path = `/v1/tokens/${records.card}/reveal`
    expectProblem(await callBound(vault, 'POST', path, { token: bound, key }, { body }), 403, 'scope-missing')
  })

  it('in scope and others in scp may do neither', async () => {
    const token = sign({ claims: { scope: 'address:reveal', scp: ['token:read'] } })
    expectProblem(await read(token), 403, 'scope-missing')
    expectProblem(await reveal('address', token), 403, 'scope-missing')
  })

  it.each<[string, unknown]>([
    ['a number', 1],
    ['an object', { 'token:read': true }],
    ['a list with an object', [{ value: 'token:read' }]],
    ['null', null],
  ])('as %s is refused', async (_what, scp) => {
    expectProblem(await read(sign({ claims: { scp } })), 401, 'unauthenticated')
  })
})

describe('the options of one issuer', () => {
  const loose = { issuer: 'loose', header: { typ: undefined } }

  it('let its tokens in, from keys at its own discovery document', async () => {
    const claims = { cid: 'vault', aud: 'whatever', client_id: undefined, jti: undefined, exp: seconds() + 86_400 }
    expect((await read(sign({ ...loose, claims }))).status).toBe(200)
    expect(provider.asked).toContain('/elsewhere?p=signin')
    expect(provider.asked).not.toContain('/loose/.well-known/openid-configuration')
  })

  it.each<[string, Json, Json]>([
    ['without typ', { typ: undefined }, {}],
    ['of the type JWT', { typ: 'JWT' }, {}],
    ['with the audience in another claim', {}, { aud: undefined, cid: 'vault' }],
    ['good for a day', {}, { exp: seconds() + 86_400 }],
  ])('do not let in a token of another issuer %s', async (_what, header, claims) => {
    expectProblem(await read(sign({ header, claims })), 401, 'unauthenticated')
  })

  it.each<[string, Json]>([
    ['with the audience where others have it', { cid: 'other', aud: 'vault' }],
    ['good for more than a day', { cid: 'vault', exp: seconds() + 90_000 }],
    ['without an end', { cid: 'vault', exp: undefined }],
  ])('do not let in one of its own %s', async (_what, claims) => {
    expectProblem(await read(sign({ ...loose, claims })), 401, 'unauthenticated')
  })
})

describe('clocks', () => {
  it.each<[string, () => Json]>([
    ['iat 30 seconds ahead', () => ({ iat: seconds() + 30 })],
    ['nbf 30 seconds ahead', () => ({ nbf: seconds() + 30 })],
  ])('%s is accepted', async (_what, claims) => {
    expect((await read(sign({ claims: claims() }))).status).toBe(200)
  })

  it.each<[string, () => Json]>([
    ['iat 90 seconds ahead', () => ({ iat: seconds() + 90 })],
    ['nbf 90 seconds ahead', () => ({ nbf: seconds() + 90 })],
    ['exp six seconds ago', () => ({ iat: seconds() - 60, exp: seconds() - 6 })],
  ])('%s is refused', async (_what, claims) => {
    expectProblem(await read(sign({ claims: claims() })), 401, 'unauthenticated')
  })
})

it('a person whose sub has 255 characters comes in, and can be shut out by it', async () => {
  const sub = 'a'.repeat(255)
  const token = sign({ claims: { sub } })
  expect((await read(token)).status).toBe(200)
  await vault.commands.disableStaff({ id: 'operator:test', kind: 'operator' }, `staff:strict/${sub}`)
  expectProblem(await read(token), 401, 'unauthenticated')
  expectProblem(await read(sign({ claims: { sub: `${sub}a` } })), 401, 'unauthenticated')
})

it('of two keys with one kid each opens the vault, and a third opens nothing', async () => {
  const second = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const published = [second.publicKey.export({ format: 'jwk' }), null, { kty: 'EC', kid: 'one' }, provider.publicJwk]
  provider.documents.set('/jwks', { keys: published.map((jwk) => (jwk === null ? null : { ...jwk, kid: 'one' })) })
  const fresh = await TestVault.start({
    sharedDatabase: vault.database,
    config: { access: { issuersFile: path.join(directory, 'issuers.json') } },
  })
  try {
    const status = async (token: string) => (await fresh.call('GET', `/v1/tokens/${records.card}`, { token })).status
    expect(await status(sign())).toBe(200)
    expect(await status(sign({}, second.privateKey))).toBe(200)
    expect(await status(sign({}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey))).toBe(401)
  } finally {
    await fresh.stop()
    provider.documents.delete('/jwks')
  }
})

describe('the log', () => {
  const reasonOf = async (token: string) => {
    const refused = await read(token)
    expectProblem(refused, 401, 'unauthenticated')
    expect(refused.text).not.toMatch(/audience|issuers file|fails a rule/)
    const { request_id } = refused.body as { request_id: string }
    const find = () =>
      vault.logLines
        .join('')
        .split('\n')
        .find((line) => line.includes(request_id))
    const line = await vi.waitUntil(find, { timeout: 10_000 })
    for (const part of token.split('.')) expect(line).not.toContain(part)
    expect(line).not.toContain('SECRET')
    return (JSON.parse(line) as { reason: string }).reason
  }

  it.each<[string, () => string, RegExp]>([
    ['aud', () => sign({ claims: { aud: 'SECRET' } }), /strict: aud: the claim aud names vault$/],
    ['typ', () => sign({ header: { typ: 'SECRET' } }), /strict: typ: the header's typ is at\+jwt$/],
    ['lifetime', () => sign({ claims: { exp: seconds() + 90_000 } }), /strict: lifetime: .*28800 s/],
    ['alg', () => sign({ header: { alg: 'PS256' } }), /strict: alg: /],
    ['kid', () => sign({ header: { kid: 'SECRET' } }), /strict: signature: /],
    ['iss', () => sign({ claims: { iss: 'https://SECRET.example' } }), /iss: an issuer of the issuers file/],
    ['signature', () => sign({}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey), /signature: /],
  ])('names the rule that a token has failed, and nothing of the token: %s', async (_rule, token, expected) => {
    provider.documents.set('/jwks', { keys: [{ ...provider.publicJwk, kid: 'one' }] })
    expect(await reasonOf(token())).toMatch(expected)
  })

  it('names the rule for the vault’s own tokens too', async () => {
    const token = await vault.staffToken('billing', { minutes: 1 })
    vault.clockOffsetMs = 120_000
    try {
      expect(await reasonOf(token)).toBe('the access token fails a rule of the vault: exp')
    } finally {
      vault.clockOffsetMs = 0
    }
  })
})
