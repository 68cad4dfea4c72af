import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
} from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { JWK } from 'oidc-provider'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { es256, forgeToken, hs256, type Json, rs256, type Signer, unsigned } from '../support/forge-token.ts'
import { AUDIENCE, createProviderKey, IdentityProvider } from '../support/identity-provider.ts'
import { expectProblem } from '../support/problems.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

/** Attacks 28 to 32 on the tokens of an identity provider: what its own key did not sign, or not for us, opens nothing. */
let provider: IdentityProvider
let vault: TestVault
let directory: string
let own: JWK
let key: KeyObject
let rsa: { publicKey: KeyObject; privateKey: KeyObject }

beforeAll(async () => {
  own = createProviderKey()
  key = createPrivateKey({ key: own as JsonWebKey, format: 'jwk' })
  rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  provider = await IdentityProvider.start([own])
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-forged-'))
  const issuersFile = path.join(directory, 'issuers.json')
  const mappings = [{ claim: ['realm', 'roles'], value: 'payer', role: 'billing' }]
  const shared = { audience: AUDIENCE, mappings, ca_file: path.join(inject('cluster').certsDir, 'ca.pem') }
  const other = { ...shared, name: 'other', issuer: 'https://localhost:1' }
  writeFileSync(
    issuersFile,
    JSON.stringify([{ ...shared, name: 'corp', issuer: provider.issuer, algorithms: ['ES256'] }, other]),
  )
  vault = await TestVault.start({ config: { access: { issuersFile } } })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await vault.stop()
  await provider.stop()
  rmSync(directory, { recursive: true })
})

const seconds = () => Math.floor(Date.now() / 1000)
const header = (changes: Json = {}): Json => ({ alg: 'ES256', typ: 'at+jwt', kid: own.kid, ...changes })
const claims = (changes: Json = {}): Json => ({
  iss: provider.issuer,
  aud: AUDIENCE,
  sub: 'ann',
  client_id: 'console',
  jti: randomUUID(),
  iat: seconds(),
  exp: seconds() + 300,
  realm: { roles: ['payer'] },
  ...changes,
})
const lookUp = (token: string) => vault.call('GET', `/v1/tokens/card_${'0'.repeat(26)}`, { token })
const refused = async (token: string) => expectProblem(await lookUp(token), 401, 'unauthenticated')

it('the token as it should be is let in', async () => {
  expectProblem(await lookUp(forgeToken(header(), claims(), es256(key))), 404, 'record-not-found')
})

describe('signatures', () => {
  it.each<[string, Json, () => Signer]>([
    ['alg none', { alg: 'none' }, () => unsigned],
    ['HS256 under the public key', { alg: 'HS256' }, () => hs256(publicPem())],
    ['RS256 under the id of the EC key', { alg: 'RS256' }, () => rs256(rsa.privateKey)],
    ['ES256 of another key', {}, () => es256(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)],
    ['an unknown extension', { crit: ['x'], x: 1 }, () => es256(key)],
  ])('%s', async (_what, changes, signer) => {
    await refused(forgeToken(header(changes), claims(), signer()))
  })

  it('with a key that the token itself brings or points at, which is not fetched', async () => {
    const thief = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = thief.publicKey.export({ format: 'jwk' })
    const asked: string[] = []
    const before = provider.keyRequests
    provider.answerWith((request, response) => {
      asked.push(request.url ?? '')
      response.end(JSON.stringify({ keys: [{ ...jwk, kid: 'thief' }] }))
    })
    try {
      const url = `${provider.issuer}/thief`
      for (const changes of [{ jwk }, { jku: url }, { x5u: url }, { jku: url, kid: 'thief' }, { kid: '../thief' }]) {
        await refused(forgeToken(header(changes), claims(), es256(thief.privateKey)))
      }
      expect(asked.filter((one) => one.includes('thief'))).toEqual([])
    } finally {
      provider.useKeys([own])
      expect(provider.keyRequests - before).toBeLessThanOrEqual(1)
    }
  })

  it('of the provider over what the vault would say of itself', async () => {
    const asVault = { iss: ISSUER, aud: ISSUER, scope: 'card:reveal', caller_kind: 'staff', role: 'billing' }
    await refused(forgeToken(header(), claims({ ...asVault, purposes: [], site: 'default' }), es256(key)))
  })

  it('of one provider in the name of another', async () => {
    const answer = await lookUp(forgeToken(header(), claims({ iss: 'https://localhost:1' }), es256(key)))
    expectProblem(answer, 503, 'issuer-unavailable')
  })
})

describe('claims', () => {
  it.each<[string, () => Json]>([
    ['expired', () => ({ iat: seconds() - 400, exp: seconds() - 100 })],
    ['made in the future', () => ({ iat: seconds() + 60 })],
    ['not good yet', () => ({ nbf: seconds() + 60 })],
    ['good for ten years', () => ({ exp: seconds() + 315_360_000 })],
    ['without an end', () => ({ exp: undefined })],
    ['without a beginning', () => ({ iat: undefined })],
    ['for another audience', () => ({ aud: 'https://other.example' })],
    ['for no audience', () => ({ aud: undefined })],
    ['from a stranger', () => ({ iss: 'https://stranger.example' })],
    ['from the issuer in another spelling', () => ({ iss: `${provider.issuer}/` })],
    ['without a subject', () => ({ sub: undefined })],
    ['about a person with a line break', () => ({ sub: 'ann\nadmin' })],
    ['without an id', () => ({ jti: undefined })],
    ['without a client', () => ({ client_id: undefined })],
    ['with a confirmation of an unknown kind', () => ({ cnf: { kid: 'x' } })],
  ])('%s', async (_what, changes) => {
    await refused(forgeToken(header(), claims(changes()), es256(key)))
  })

  it.each(['JWT', 'id+jwt', 'dpop+jwt', 'logout+jwt', undefined])('of the type %s', async (typ) => {
    await refused(forgeToken(header({ typ }), claims(), es256(key)))
  })

  it.each<[string, Json]>([
    ['a group of another name', { realm: { roles: ['payers'] } }],
    ['a list in a list', { realm: { roles: [['payer']] } }],
    ['a prototype', { realm: { constructor: 'payer' } }],
    ['a text where an object should be', { realm: 'roles' }],
    ['no group', { realm: undefined }],
  ])('with %s: known, and allowed nothing', async (_what, changes) => {
    expectProblem(await lookUp(forgeToken(header(), claims(changes), es256(key))), 403, 'scope-missing')
  })

  it('that try to take the vault’s own claims along: the mapping alone counts', async () => {
    const more = { role: 'legal', site: 'elsewhere', purposes: ['legal-compliance'], caller_kind: 'client' }
    const answer = await lookUp(forgeToken(header(), claims(more), es256(key)))
    const [event] = await vault.events({ request_id: answer.body.request_id })
    expect(event).toMatchObject({
      caller: { id: 'staff:corp/ann', kind: 'staff', role: 'billing' },
      site: 'default',
    })
  })
})

it('another spelling of the same bytes opens nothing', async () => {
  const good = forgeToken(header(), claims(), es256(key))
  for (const text of [`${good}=`, `${good}.`, good.replace('.', '=.')]) await refused(text)
})

function publicPem(): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string
}
