import { beforeEach, describe, expect, it } from 'vitest'
import { es256, type Json } from '../../../test/support/forge-token.ts'
import { testKey, testKeyId } from '../../../test/support/test-keys.ts'
import { ISSUER, START, TestTokens } from '../../../test/support/test-tokens.ts'
import { KeyRing } from '../../keys/key/key-ring.ts'
import { Problem } from '../../values/problem.ts'
import { MAX_TOKEN_SECONDS } from '../policy/token-life.ts'
import type { TokenSubject } from './access-token.ts'

let vault: TestTokens

beforeEach(() => {
  vault = new TestTokens()
})

const subject: TokenSubject = {
  id: 'staff:Ann',
  kind: 'staff',
  role: 'billing',
  scopes: ['token:read', 'card:reveal'],
  purposes: ['process-payment'],
  site: 'shop-1',
}

describe('a token of the vault', () => {
  it('gives its caller back', async () => {
    expect(await vault.tokens.verify(await vault.tokens.issue(subject, 300))).toEqual({
      // The name has one spelling, also for a token of an earlier version.
      id: 'staff:ann',
      kind: 'staff',
      role: 'billing',
      scopes: new Set(['token:read', 'card:reveal']),
      purposes: new Set(['process-payment']),
      site: 'shop-1',
      // Unbound, and outside production.
      isTrial: true,
    })
  })

  it.each<[string, Partial<TokenSubject>, boolean]>([
    ['bound', { confirmation: 'dpop', boundTo: 'A'.repeat(43) }, false],
    ['of a client', { kind: 'client' }, false],
    ['of any person in production', {}, true],
  ])('%s is not for trials', async (_which, changes, production) => {
    vault = new TestTokens(production)
    const token = await vault.tokens.issue({ ...subject, ...changes }, 300)
    expect((await vault.tokens.verify(token)).isTrial).toBeUndefined()
  })

  it('of a third party’s client names it', async () => {
    const token = await vault.tokens.issue({ ...subject, kind: 'client', partnerId: 'partner_1' }, 300)
    expect(await vault.tokens.verify(token)).toMatchObject({ kind: 'client', partnerId: 'partner_1' })
  })

  it('has the header and the claims of RFC 9068, and an id of its own', async () => {
    const [first, second] = [await vault.tokens.issue(subject, 300), await vault.tokens.issue(subject, 300)]
    const decode = (token: string) =>
      token.split('.', 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json)
    expect(decode(first)).toEqual([vault.header(), vault.claims({ jti: expect.stringMatching(/^jti_[0-9a-z]{26}$/) })])
    expect(decode(first)[1]!.jti).not.toBe(decode(second)[1]!.jti)
  })

  it('without a role stays without one', async () => {
    const token = await vault.tokens.issue({ ...subject, role: undefined, purposes: [], kind: 'client' }, 300)
    expect(await vault.tokens.verify(token)).toMatchObject({ kind: 'client', role: undefined, purposes: new Set() })
  })

  it('verifies under a deactivated key, and is signed by the active one', async () => {
    const token = await vault.tokens.issue(subject, 300)
    const next = testKey('token-signing')
    vault.ring = new KeyRing([{ ...vault.key, state: 'deactivated' }, next])
    expect(await vault.tokens.verify(token)).toMatchObject({ id: 'staff:ann' })
    expect(Buffer.from((await vault.tokens.issue(subject, 300)).split('.')[0]!, 'base64url').toString()).toContain(
      next.id,
    )
  })

  it('is published with the public half of its key and nothing more', () => {
    const [jwk, ...others] = vault.tokens.jwks().keys
    expect(others).toEqual([])
    expect(Object.keys(jwk!).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
    expect(jwk).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', kid: vault.key.id })
  })
})

describe('a token made by hand', () => {
  it('passes when nothing is wrong with it, so that what follows is refused for the reason named', async () => {
    expect(await vault.tokens.verify(vault.forge({}))).toMatchObject({ id: 'staff:ann', role: 'billing' })
  })

  it.each(['iss', 'aud', 'sub', 'client_id', 'iat', 'exp', 'jti', 'scope', 'caller_kind', 'purposes', 'site'])(
    'is refused without %s',
    (claim) => vault.expectRefused(vault.forge({}, { [claim]: undefined })),
  )

  it.each<[string, Json]>([
    ['another issuer', { iss: 'https://evil.example' }],
    ['an issuer that only begins alike', { iss: `${ISSUER}/` }],
    ['another audience', { aud: 'https://shop.example' }],
    ['several other audiences', { aud: ['https://shop.example', 'https://evil.example'] }],
    ['an exp that is past', { exp: START - 6 }],
    ['an exp that is text', { exp: String(START + 300) }],
    ['an exp of ten years', { exp: START + 10 * 365 * 86_400 }],
    ['a life of a second more than the longest', { exp: START + MAX_TOKEN_SECONDS + 1 }],
    ['an iat of long ago and an exp to come', { iat: START - MAX_TOKEN_SECONDS - 6, exp: START + 60 }],
    ['an iat in the future', { iat: START + 60, exp: START + 120 }],
    ['an nbf in the future', { nbf: START + 60 }],
    ['an nbf that is text', { nbf: 'now' }],
    ['an empty subject', { sub: '' }],
    ['an empty jti', { jti: '' }],
    ['a jti that is a number', { jti: 1 }],
    ['a role that does not exist', { role: 'root' }],
    ['a role of Object.prototype', { role: 'constructor' }],
    ['a purpose that does not exist', { purposes: ['process-payment', 'curiosity'] }],
    ['purposes that are text', { purposes: 'process-payment' }],
    ['a kind of caller that does not exist', { caller_kind: 'operator' }],
    ['scopes that are a list', { scope: ['card:reveal'] }],
  ])('is refused with %s', (_what, changes) => vault.expectRefused(vault.forge({}, changes)))

  it.each<[string, Json]>([
    ['typ JWT, an ID token', { typ: 'JWT' }],
    ['no typ', { typ: undefined }],
    ['no alg', { alg: undefined }],
    ['no kid', { kid: undefined }],
    ['a kid that is a path', { kid: '../../../../dev/null' }],
    ['a kid that is SQL', { kid: "' OR 1=1 --" }],
    ['a kid that is a number', { kid: 1 }],
    ['a kid that is an object', { kid: { id: 'x' } }],
    ['a kid that is a list', { kid: ['x'] }],
    ['an unknown critical header', { crit: ['exp2'], exp2: 1 }],
    ['an empty list of critical headers', { crit: [] }],
    ['an unencoded payload', { crit: ['b64'], b64: false }],
    ['alg ES384', { alg: 'ES384' }],
    ['alg es256', { alg: 'es256' }],
  ])('is refused with %s', (_what, changes) => vault.expectRefused(vault.forge(changes)))

  it('loses scopes that the vault does not know', async () => {
    const caller = await vault.tokens.verify(vault.forge({}, { scope: 'token:read admin * constructor' }))
    expect(caller.scopes).toEqual(new Set(['token:read']))
  })
})

describe('a token that was verified before', () => {
  it('is refused once it has expired', async () => {
    const token = await vault.tokens.issue(subject, 300)
    await vault.tokens.verify(token)
    vault.nowSeconds = START + 299
    expect(await vault.tokens.verify(token)).toMatchObject({ id: 'staff:ann' })
    vault.nowSeconds = START + 306
    await vault.expectRefused(token)
  })

  it('is refused once its key is compromised or gone', async () => {
    const token = await vault.tokens.issue(subject, 300)
    await vault.tokens.verify(token)
    vault.ring = new KeyRing([{ ...vault.key, state: 'compromised' }])
    await vault.expectRefused(token)
    vault.ring = new KeyRing([testKey('token-signing')])
    await vault.expectRefused(token)
  })

  it('makes nothing of a refused one: it is refused again', async () => {
    const token = vault.forge({}, { aud: 'https://shop.example' })
    await vault.expectRefused(token)
    await vault.expectRefused(token)
  })
})

describe('a key that is not in the ring', () => {
  it('is looked up in the registry once, since another server may have made it', async () => {
    const other = testKey('token-signing')
    const token = vault.forge({ kid: other.id }, {}, es256(other.secret))
    vault.onRefresh = () => {
      vault.ring = new KeyRing([vault.key, other])
    }
    expect(await vault.tokens.verify(token)).toMatchObject({ id: 'staff:ann' })
    expect(vault.refreshes).toBe(1)
  })

  it.each(['../key', 'key_', `key_${'u'.repeat(26)}`, `${testKeyId()}x`])(
    'costs no look-up when its id cannot be one: %s',
    async (kid) => {
      await vault.expectRefused(vault.forge({ kid }))
      expect(vault.refreshes).toBe(0)
    },
  )

  it('is not called unauthenticated while the registry cannot be read', async () => {
    vault.onRefresh = () => {
      throw new Problem('database-unavailable')
    }
    await expect(vault.tokens.verify(vault.forge({ kid: testKeyId() }))).rejects.toMatchObject({
      code: 'database-unavailable',
    })
  })
})
