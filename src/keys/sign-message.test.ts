import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { calculateJwkThumbprint, compactVerify, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Key, KeyState } from './key/key.ts'
import { KeyRing } from './key/key-ring.ts'
import { createThrowAwayRing } from './ring/throw-away-ring.ts'
import { messageKeys, signMessage } from './sign-message.ts'

const deps = (ring: KeyRing) => ({
  keys: {
    ring,
    active: (purpose: Key['purpose']) => ring.active(purpose),
    ensureFresh: async () => {},
    refresh: async () => {},
  },
  renewSigningKey: async () => {},
})
const newKey = () => createThrowAwayRing().ring.active('message-signing')
const inState = (state: KeyState): Key => ({ ...newKey(), state })

describe('a message', () => {
  it('is signed by the key that the directory names, and no change of it verifies', async () => {
    const { ring } = createThrowAwayRing()
    const { keyid, signature } = await signMessage(deps(ring), (id) => Buffer.from(`POST ${id}`))
    const message = Buffer.from(`POST ${keyid}`)
    const [key, ...others] = messageKeys({ ring })
    expect(others).toEqual([])
    expect(key!.kid).toBe(keyid)
    const publicKey = createPublicKey({ key: { ...key! }, format: 'jwk' })
    expect(verify(null, message, publicKey, signature)).toBe(true)
    expect(verify(null, Buffer.from(`GET ${keyid}`), publicKey, signature)).toBe(false)
    expect(await calculateJwkThumbprint(key!)).toBe(keyid)
  })

  it('may be a JWT, which others verify with the JWK Set as it is', async () => {
    const { ring } = createThrowAwayRing()
    const [key] = messageKeys({ ring })
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = (kid: string) => `${part({ alg: 'EdDSA', kid })}.${part({ digest: 'x' })}`
    const { keyid, signature } = await signMessage(deps(ring), (kid) => Buffer.from(signed(kid)))
    const jws = `${signed(keyid)}.${signature.toString('base64url')}`
    const { protectedHeader } = await compactVerify(jws, await importJWK({ ...key! }))
    expect(protectedHeader.kid).toBe(key!.kid)
  })
})

describe('the directory', () => {
  it('has the public half of every key that signs, will sign or has signed, and of no compromised one', () => {
    const keys = (['deactivated', 'pre-active', 'active', 'compromised'] as const).map(inState)
    const found = messageKeys({ ring: new KeyRing(keys) })
    const x = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' }).x
    expect(found.map((key) => key.x)).toEqual([2, 0, 1].map((at) => x(keys[at]!.secret)))
    for (const key of found) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x'])
  })

  it('has keys of no other purpose', () => {
    const { ring } = createThrowAwayRing()
    const others = (['token-signing', 'audit-signing', 'certificate-signing'] as const).map((one) => ring.active(one))
    expect(messageKeys({ ring: new KeyRing(others) })).toEqual([])
  })
})
