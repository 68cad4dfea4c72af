import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type Alg,
  type CallerKey,
  type Changes,
  createCallerKey,
  signProof,
} from '../../../test/support/caller-keys.ts'
import { isSameUrl, MAX_PROOF_SECONDS, verifyDpopProof } from './dpop-proof.ts'
import { createProofKeys } from './proof-keys.ts'

const NOW = new Date('2026-11-24T12:00:00Z')
const URL_OF_CARD = 'https://vault.example/v1/tokens/card_1'
const TOKEN = 'header.claims.signature'

let key: CallerKey
let spent: Set<string>
beforeAll(async () => {
  key = await createCallerKey()
})
beforeEach(() => {
  spent = new Set()
})

const deps = { now: () => NOW, proofKeys: createProofKeys() }
const purpose = { method: 'GET', url: URL_OF_CARD, accessToken: TOKEN }
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
/** The thumbprint of a proof that is right and did not come before, as a vault with one table of ids would have it. */
const verify = async (proof: string | undefined, thumbprint = key.thumbprint) => {
  const verified = await verifyDpopProof(
    deps,
    { proof, method: 'GET', urls: () => ['https://other.example/v1/tokens/card_1', URL_OF_CARD] },
    { accessToken: TOKEN, thumbprint },
  )
  const isFresh = verified !== undefined && spent.size < spent.add(verified.jti.id.toString('hex')).size
  return isFresh ? verified.thumbprint : undefined
}
const proof = (changes: Changes = {}, by = key, when = NOW) => signProof(by, purpose, when, changes)

describe('a proof', () => {
  it.each<Alg>(['ES256', 'EdDSA', 'PS256'])('under %s gives the thumbprint of its key', async (alg) => {
    const own = await createCallerKey(alg)
    expect(await verify(await proof({}, own), own.thumbprint)).toBe(own.thumbprint)
  })

  it.each([0, -MAX_PROOF_SECONDS, 6, 30])('is good %i seconds from now', async (seconds) => {
    expect(await verify(await proof({}, key, at(seconds)))).toBe(key.thumbprint)
  })

  it.each([-MAX_PROOF_SECONDS - 6, 60, 61, 3600])(
    'is refused when it was made %i seconds from now',
    async (seconds) => {
      expect(await verify(await proof({}, key, at(seconds)))).toBeUndefined()
    },
  )

  it('may say that it is good from 30 seconds from now on, and no later', async () => {
    const nbf = (seconds: number) => ({ claims: { nbf: at(seconds).getTime() / 1000 } })
    expect(await verify(await proof(nbf(30)))).toBe(key.thumbprint)
    expect(await verify(await proof(nbf(61)))).toBeUndefined()
  })

  it('is remembered for as long as any server takes it', async () => {
    for (const seconds of [30, 0, -MAX_PROOF_SECONDS]) {
      const text = await proof({}, key, at(seconds))
      const request = { proof: text, method: 'GET', urls: () => [URL_OF_CARD] }
      const expected = { accessToken: TOKEN, thumbprint: key.thumbprint }
      const verified = await verifyDpopProof(deps, request, expected)
      const expiresAt = verified?.jti.expiresAt.getTime() ?? NaN
      // While the row is there, and afterwards, the proof is refused for its age.
      const later = { ...deps, now: () => new Date(expiresAt - 5 * 60_000) }
      expect(await verifyDpopProof(later, request, expected)).toBeUndefined()
      expect(expiresAt - 5 * 60_000).toBe(at(seconds + MAX_PROOF_SECONDS + 5).getTime())
    }
  })

  it.each<[string, Changes]>([
    ['another method', { claims: { htm: 'POST' } }],
    ['the method in lower case', { claims: { htm: 'get' } }],
    ['another path', { claims: { htu: 'https://vault.example/v1/tokens/card_2' } }],
    ['another host', { claims: { htu: 'https://evil.example/v1/tokens/card_1' } }],
    ['another port', { claims: { htu: 'https://vault.example:444/v1/tokens/card_1' } }],
    ['no TLS', { claims: { htu: 'http://vault.example/v1/tokens/card_1' } }],
    ['another access token', { claims: { ath: Buffer.alloc(32).toString('base64url') } }],
    ['no access token', { claims: { ath: undefined } }],
    ['no method', { claims: { htm: undefined } }],
    ['no URL', { claims: { htu: undefined } }],
    ['no id', { claims: { jti: undefined } }],
    ['an empty id', { claims: { jti: '' } }],
    ['no time', { claims: { iat: undefined } }],
    ['a time that is a text', { claims: { iat: String(NOW.getTime() / 1000) } }],
    ['an end that has passed', { claims: { exp: NOW.getTime() / 1000 - 60 } }],
    ['the type of an access token', { header: { typ: 'at+jwt' } }],
    ['no type', { header: { typ: undefined } }],
    ['no key', { header: { jwk: undefined } }],
    ['a key by reference', { header: { jwk: undefined, jku: 'https://evil.example/keys', kid: '1' } }],
  ])('is refused for %s', async (_what, changes) => {
    expect(await verify(await proof(changes))).toBeUndefined()
    expect(spent.size).toBe(0)
  })

  it('is refused when it shows the private key, though the signature is right', async () => {
    const { d } = key.privateKey.export({ format: 'jwk' })
    expect(await verify(await proof({ header: { jwk: { ...key.jwk, d } } }))).toBeUndefined()
  })

  it('is refused when another key signed it, and when another key is expected', async () => {
    const thief = await createCallerKey()
    expect(await verify(await proof({ signer: thief.privateKey }))).toBeUndefined()
    expect(await verify(await proof({}, thief))).toBeUndefined()
    expect(spent.size).toBe(0)
  })

  it('is refused if it is missing, repeated, or spelled otherwise', async () => {
    const good = await proof()
    for (const text of [undefined, '', `${good}, ${await proof()}`, `${good}=`, ` ${good}`, 'a.b', 'a.b.c.d']) {
      expect(await verify(text)).toBeUndefined()
    }
    expect(await verify(good)).toBe(key.thumbprint)
  })

  it('counts once', async () => {
    const once = await proof()
    expect(await verify(once)).toBe(key.thumbprint)
    expect(await verify(once)).toBeUndefined()
  })

  it('counts once by its id, whatever else is in it, and for its key alone', async () => {
    const same = { claims: { jti: 'same' } }
    expect(await verify(await proof(same))).toBe(key.thumbprint)
    expect(await verify(await proof(same, key, at(-10)))).toBeUndefined()
    const other = await createCallerKey()
    expect(await verify(await proof(same, other), other.thumbprint)).toBe(other.thumbprint)
  })

  it('at the token endpoint needs no access token and may be of any key', async () => {
    const request = { method: 'GET', urls: () => [URL_OF_CARD] }
    const fresh = await proof({ claims: { ath: undefined } })
    expect(await verifyDpopProof(deps, { ...request, proof: fresh })).toMatchObject({ thumbprint: key.thumbprint })
  })
})

describe('isSameUrl', () => {
  it.each([
    ['https://vault.example/v1/x', true],
    ['https://VAULT.example:443/v1/x', true],
    ['HTTPS://vault.example/v1/x?a=1#b', true],
    ['https://vault.example/v1/%78', true],
    ['https://vault.example/v1/./x', true],
    ['https://vault.example/v1/X', false],
    ['https://vault.example/v1/x/', false],
    ['https://vault.example/v1%2fx', false],
    ['https://vault.example:8443/v1/x', false],
    ['https://vault.example@evil.example/v1/x', false],
    ['https://user@vault.example/v1/x', false],
    ['http://vault.example/v1/x', false],
    ['/v1/x', false],
    ['', false],
  ])('%s: %s', (htu, expected) => {
    expect(isSameUrl(htu, ['https://other.example/v1/x', 'https://vault.example/v1/x'])).toBe(expected)
  })
})
