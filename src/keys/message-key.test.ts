import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { CompactSign, calculateJwkThumbprint, compactVerify, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Key, KeyState } from './key/key.ts'
import { KeyRing } from './key/key-ring.ts'
import { messageKey, publicMessageKeys } from './message-key.ts'
import { createThrowAwayRing } from './ring/throw-away-ring.ts'

const deps = (ring: KeyRing) => ({
  keys: {
    ring,
    active: (purpose: Key['purpose']) => ring.active(purpose),
    ensureFresh: async () => {},
    refresh: async () => {},
  },
  renewSigningKey: async () => {},
})
const inState = (state: KeyState): Key => ({ ...createThrowAwayRing().ring.active('message-signing'), state })

describe('the key of messages', () => {
  it('is the one that the directory names, and no change of a message verifies', async () => {
    const { ring } = createThrowAwayRing()
    const { keyid, key } = await messageKey(deps(ring))
    const [published, ...others] = publicMessageKeys({ ring })
    expect(others).toEqual([])
    expect(published!.kid).toBe(keyid)
    expect(await calculateJwkThumbprint(published!)).toBe(keyid)
    const signature = sign(null, Buffer.from('POST'), key)
    const publicKey = createPublicKey({ key: { ...published! }, format: 'jwk' })
    expect(verify(null, Buffer.from('POST'), publicKey, signature)).toBe(true)
    expect(verify(null, Buffer.from('GET'), publicKey, signature)).toBe(false)
  })

  it('signs a JWT, which others verify with the JWK Set as it is', async () => {
    const { ring } = createThrowAwayRing()
    const { keyid, key } = await messageKey(deps(ring))
    const [published] = publicMessageKeys({ ring })
    const jws = await new CompactSign(Buffer.from('{}'))
      .setProtectedHeader({ alg: published!.alg, kid: keyid })
      .sign(key)
    const { protectedHeader } = await compactVerify(jws, await importJWK({ ...published! }))
    expect(protectedHeader.kid).toBe(published!.kid)
  })
})

describe('the directory', () => {
  it('has the public half of every key that signs, will sign or has signed, and of no compromised one', () => {
    const keys = (['deactivated', 'pre-active', 'active', 'compromised'] as const).map(inState)
    const found = publicMessageKeys({ ring: new KeyRing(keys) })
    const x = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' }).x
    expect(found.map((key) => key.x)).toEqual([2, 0, 1].map((at) => x(keys[at]!.secret)))
    for (const key of found) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x'])
  })

  it('has keys of no other purpose', () => {
    const { ring } = createThrowAwayRing()
    const others = (['token-signing', 'audit-signing', 'certificate-signing'] as const).map((one) => ring.active(one))
    expect(publicMessageKeys({ ring: new KeyRing(others) })).toEqual([])
  })
})
