import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { es256, hs256, rs256, unsigned } from '../../test/support/forge-token.ts'
import { testKeyId } from '../../test/support/test-keys.ts'
import { TestTokens } from '../../test/support/test-tokens.ts'
import { KeyRing } from '../keys/key/key-ring.ts'

let vault: TestTokens

beforeEach(() => {
  vault = new TestTokens()
})

const pemOf = (secret: KeyObject) => createPublicKey(secret).export({ format: 'pem', type: 'spki' }).toString()

describe('a signature', () => {
  it.each(['none', 'None', 'NONE', 'nOnE'])('may not be left out: alg %s', async (alg) => {
    await vault.expectRefused(vault.forge({ alg }, {}, unsigned))
    await vault.expectRefused(vault.forge({ alg }))
  })

  it('may not be an HMAC with the public key as its secret', async () => {
    const pem = pemOf(vault.key.secret)
    const der = createPublicKey(vault.key.secret).export({ format: 'der', type: 'spki' })
    const jwk = JSON.stringify(vault.tokens.jwks().keys[0])
    for (const secret of [pem, pem.trim(), der, jwk]) {
      await vault.expectRefused(vault.forge({ alg: 'HS256' }, {}, hs256(secret)))
      await vault.expectRefused(vault.forge({}, {}, hs256(secret)))
    }
  })

  it('may not be an HMAC under a key of the vault that is not for signing', async () => {
    const index = vault.ring.active('index')
    await vault.expectRefused(vault.forge({ alg: 'HS256', kid: index.id }, {}, hs256(index.secret.export())))
    await vault.expectRefused(vault.forge({ kid: index.id }))
  })

  it('may not be RSA where ES256 is said, nor the other way round', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    await vault.expectRefused(vault.forge({ alg: 'RS256' }, {}, rs256(privateKey)))
    await vault.expectRefused(vault.forge({}, {}, rs256(privateKey)))
    await vault.expectRefused(vault.forge({ alg: 'RS256' }))
    await vault.expectRefused(vault.forge({ alg: 'PS256' }))
  })

  it('may not be by a key that the token brings along or points at', async () => {
    const { privateKey: own } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = { ...createPublicKey(own).export({ format: 'jwk' }), alg: 'ES256' }
    for (const kid of [vault.key.id, testKeyId(), undefined]) {
      await vault.expectRefused(vault.forge({ kid }, {}, es256(own)))
      await vault.expectRefused(vault.forge({ kid, jwk }, {}, es256(own)))
      await vault.expectRefused(vault.forge({ kid, jku: 'https://evil.example/jwks.json' }, {}, es256(own)))
      await vault.expectRefused(vault.forge({ kid, x5u: 'https://evil.example/cert.pem' }, {}, es256(own)))
      await vault.expectRefused(vault.forge({ kid, x5c: [Buffer.from(pemOf(own)).toString('base64')] }, {}, es256(own)))
    }
  })

  it('covers every part: no character of a token can be another one', async () => {
    const token = vault.forge({})
    for (let at = 0; at < token.length; at += 7) {
      if (token[at] === '.') continue
      await vault.expectRefused(token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1))
    }
  })

  it('of zeros, or in DER, is refused', async () => {
    await vault.expectRefused(vault.forge({}, {}, () => Buffer.alloc(64)))
    await vault.expectRefused(vault.forge({}, {}, rs256(vault.key.secret)))
  })

  it('by a compromised key is refused', async () => {
    const token = await vault.forge({})
    vault.ring = new KeyRing([{ ...vault.key, state: 'compromised' }])
    await vault.expectRefused(token)
  })
})

describe('another spelling of a token', () => {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

  it('is refused where the left-over bits are not zero, though the bytes are the same, even of a cached token', async () => {
    const token = vault.forge({})
    await vault.tokens.verify(token)
    const parts = token.split('.')
    let copies = 0
    for (const [index, part] of parts.entries()) {
      for (const last of ALPHABET) {
        const copy = part.slice(0, -1) + last
        const sameBytes = Buffer.from(copy, 'base64url').equals(Buffer.from(part, 'base64url'))
        if (copy === part || !sameBytes) continue
        copies++
        await vault.expectRefused(parts.with(index, copy).join('.'))
      }
    }
    // The signature's 64 bytes leave 4 bits over: 15 other spellings of it at least.
    expect(copies).toBeGreaterThanOrEqual(15)
  })

  it.each<[string, (token: string) => string]>([
    ['padding', (token) => `${token}==`],
    ['padding inside', (token) => token.replace('.', '=.')],
    ['a space at its end', (token) => `${token} `],
    ['a line break', (token) => `${token}\n`],
    ['a line break inside', (token) => token.replace('.', '\n.')],
    ['a fourth part', (token) => `${token}.e30`],
    ['two parts', (token) => token.split('.', 2).join('.')],
    ['an empty payload', (token) => token.replace(/\.[^.]+\./, '..')],
    ['JSON serialization', (token) => JSON.stringify(Object.fromEntries(token.split('.').entries()))],
  ])('is refused: %s', async (_what, spell) => {
    const token = vault.forge({})
    await vault.tokens.verify(token)
    await vault.expectRefused(spell(token))
  })

  it('in the other base64 alphabet is refused', async () => {
    let token = vault.forge({})
    for (let jti = 0; !/[-_]/.test(token.split('.')[2]!); jti++) token = vault.forge({}, { jti: `jti_${jti}` })
    await vault.expectRefused(token.replaceAll('-', '+').replaceAll('_', '/'))
  })

  it('longer than any of the vault is refused', async () => {
    const long = vault.forge({}, { extra: 'x'.repeat(4096) })
    await vault.expectRefused(long)
    expect(await vault.tokens.verify(vault.forge({}, { extra: 'x'.repeat(1024) }))).toMatchObject({ id: 'staff:ann' })
  })
})
