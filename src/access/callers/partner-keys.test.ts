import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parsePartnerKeys } from './partner-keys.ts'

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength })
const publicOf = ({ publicKey }: ReturnType<typeof ec>): JsonWebKey => publicKey.export({ format: 'jwk' })
const privateOf = ({ privateKey }: ReturnType<typeof ec>): JsonWebKey => privateKey.export({ format: 'jwk' })
const p256 = publicOf(ec('P-256'))
const x25519 = publicOf(generateKeyPairSync('x25519'))
const rsa2048 = publicOf(rsa(2048))
const read = (...keys: unknown[]) => parsePartnerKeys(JSON.stringify({ keys }))
const refusal = (...keys: unknown[]) =>
  read(...keys).then(
    () => 'taken',
    (error: Error) => error.message,
  )
const NOT_FOR_ENCRYPTION = /must be a public one for encryption/

describe('the keys of a partner', () => {
  it('are kept in their order, with the members that matter and an id', async () => {
    const { keys } = await read({ ...p256, kid: 'a', use: 'enc', ext: true, x5c: ['…'] }, x25519, rsa2048)
    const { crv, kty, x, y } = p256
    expect(keys[0]).toEqual({ crv, kty, x, y, kid: 'a' })
    expect(keys.map((key) => key.kty)).toEqual(['EC', 'OKP', 'RSA'])
    for (const { kid } of keys.slice(1)) expect(kid).toMatch(/^[\w-]{43}$/)
  })

  it.each<[string, object]>([
    ['for encryption', { use: 'enc' }],
    ['for the algorithm of its type', { alg: 'ECDH-ES' }],
    ['to derive with', { key_ops: [] }],
  ])('may say that they are %s', async (_what, members) => {
    expect(await refusal({ ...p256, ...members })).toBe('taken')
  })

  it.each<[string, unknown]>([
    ['a private key', privateOf(ec('P-256'))],
    ['a private RSA key', privateOf(rsa(2048))],
    ['a symmetric key', { kty: 'oct', k: 'AAAA' }],
    ['another curve', publicOf(ec('P-384'))],
    ['a key that signs', publicOf(generateKeyPairSync('ed25519'))],
    ['a short RSA key', publicOf(rsa(1024))],
    ['a key for signatures', { ...p256, use: 'sig' }],
    ['a key to verify with', { ...p256, key_ops: ['verify'] }],
    ['another algorithm', { ...rsa2048, alg: 'RSA-OAEP' }],
    ['RSA with PKCS #1 v1.5', { ...rsa2048, alg: 'RSA1_5' }],
    ['a point that is not on the curve', { ...p256, x: p256.y }],
    ['a point of a small order', { ...x25519, x: Buffer.alloc(32).toString('base64url') }],
    ['no key', {}],
    ['a text', 'key'],
  ])('are never %s', async (_what, key) => {
    expect(await refusal(key)).toMatch(NOT_FOR_ENCRYPTION)
    expect(await refusal(p256, key)).toMatch(NOT_FOR_ENCRYPTION)
  })

  it('are one to ten, each with an id of its own', async () => {
    expect(await refusal()).toMatch(/1 to 10 keys/)
    expect(await refusal(...Array.from({ length: 11 }, () => p256))).toMatch(/1 to 10 keys/)
    expect(await refusal({ ...p256, kid: 'a' }, { ...x25519, kid: 'a' })).toMatch(/one id/)
    await expect(parsePartnerKeys('not JSON')).rejects.toThrow(/1 to 10 keys/)
  })
})
