import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePublicJwk, publicJwkOf, THUMBPRINT, thumbprintOf } from '../policy/public-jwk.ts'
import { parseJwks, parsePublicKeyPem } from './client-keys.ts'
import { CallerError } from './clients.ts'

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed25519 = generateKeyPairSync('ed25519')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()
const jwk = (key: KeyObject) => key.export({ format: 'jwk' })
const usable: [string, KeyObject][] = [
  ['P-256', p256.publicKey],
  ['Ed25519', ed25519.publicKey],
  ['RSA of 2048 bits', rsa.publicKey],
]
const unusable: [string, KeyObject][] = [
  ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey],
  ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
  ['X25519', generateKeyPairSync('x25519').publicKey],
  ['RSA of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey],
]

describe('a public key in PEM', () => {
  it.each(usable)('of type %s becomes a JWK whose id is its thumbprint', async (_type, key) => {
    const { keys } = await parsePublicKeyPem(pem(key))
    expect(keys).toEqual([{ ...jwk(key), kid: await thumbprintOf(publicJwkOf(key)!) }])
    expect(keys[0]!.kid).toMatch(THUMBPRINT)
  })

  it.each(unusable)('of type %s is refused', async (_type, key) => {
    await expect(parsePublicKeyPem(pem(key))).rejects.toThrow(CallerError)
  })

  it.each([
    ['pkcs8', p256.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['sec1', p256.privateKey.export({ type: 'sec1', format: 'pem' }).toString()],
  ])('is not made of a private one (%s), which the owner should keep', async (_form, text) => {
    await expect(parsePublicKeyPem(text)).rejects.toThrow(/private key/)
  })

  it.each(['', 'not a key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'])(
    'is refused if it is not a key: %j',
    async (text) => {
      await expect(parsePublicKeyPem(text)).rejects.toThrow(CallerError)
    },
  )
})

describe('a JWK Set', () => {
  it('keeps the ids of its keys, and gives one to those without', async () => {
    const set = { keys: [{ ...jwk(p256.publicKey), kid: 'first' }, jwk(ed25519.publicKey)] }
    const { keys } = await parseJwks(JSON.stringify(set))
    expect(keys.map(({ kid }) => kid)).toEqual(['first', await thumbprintOf(publicJwkOf(ed25519.publicKey)!)])
  })

  it.each<[string, unknown]>([
    ['a private key', { keys: [jwk(p256.privateKey)] }],
    ['a private RSA key', { keys: [jwk(rsa.privateKey)] }],
    ['a symmetric key', { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }],
    ['a key off the curve', { keys: [{ ...jwk(p256.publicKey), y: Buffer.alloc(32, 1).toString('base64url') }] }],
    ['one bad key among good ones', { keys: [jwk(p256.publicKey), { kty: 'EC' }] }],
    ['two keys of one id', { keys: [p256, ed25519].map(({ publicKey }) => ({ ...jwk(publicKey), kid: 'same' })) }],
    ['no key', { keys: [] }],
    ['eleven keys', { keys: Array.from({ length: 11 }, () => jwk(generateKeyPairSync('ed25519').publicKey)) }],
    ['no set', [jwk(p256.publicKey)]],
  ])('with %s is refused whole', async (_what, set) => {
    await expect(parseJwks(JSON.stringify(set))).rejects.toThrow(CallerError)
  })
})

describe('parsePublicJwk', () => {
  it('keeps nothing but what the thumbprint covers, and the id', () => {
    const { x, y } = jwk(p256.publicKey)
    expect(parsePublicJwk({ kty: 'EC', crv: 'P-256', x, y, alg: 'none', x5u: 'https://a.example', kid: 'k' })).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x,
      y,
      kid: 'k',
    })
  })

  it('refuses every private member, with any content', () => {
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) {
      expect(parsePublicJwk({ ...jwk(rsa.publicKey), [member]: '' }), member).toBeUndefined()
    }
  })

  it('answers anything at all with a key that OpenSSL takes, or with nothing', () => {
    const strange = fc.oneof(fc.anything(), fc.record({ kty: fc.constantFrom('EC', 'OKP', 'RSA'), crv: fc.anything() }))
    fc.assert(
      fc.property(strange, (value) => {
        expect(parsePublicJwk(value)).toBeUndefined()
      }),
    )
  })

  it('tells a key by its public half only', () => {
    const again = createPrivateKey(p256.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    expect(publicJwkOf(again)).toEqual(publicJwkOf(p256.publicKey))
  })
})
