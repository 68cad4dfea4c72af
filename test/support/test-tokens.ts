import { expect } from 'vitest'
import { type AccessTokens, createAccessTokens } from '../../src/access/tokens/access-token.ts'
import type { Key, KeyPurpose } from '../../src/keys/key/key.ts'
import { KeyRing } from '../../src/keys/key/key-ring.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { es256, forgeToken, type Json, type Signer } from './forge-token.ts'
import { testKey } from './test-keys.ts'

export const ISSUER = 'https://vault.example'
/** The time at which every test begins, in seconds. */
export const START = Date.UTC(2026, 10, 24, 10) / 1000

const refusal = expect.objectContaining({
  code: 'unauthenticated',
  challenge: { scheme: 'any', error: 'invalid_token' },
})

/** The vault's access tokens over a ring in memory, and a forger who may hold its keys. */
export class TestTokens {
  nowSeconds = START
  readonly key: Key = testKey('token-signing')
  ring = new KeyRing([this.key, testKey('index')])
  refreshes = 0
  onRefresh: () => void = () => {}
  readonly tokens: AccessTokens

  constructor(production = false) {
    const now = () => new Date(this.nowSeconds * 1000)
    const currentRing = () => this.ring
    const keys = {
      active: (purpose: KeyPurpose) => currentRing().active(purpose),
      get ring() {
        return currentRing()
      },
      ensureFresh: async () => {},
      refresh: async () => {
        this.refreshes++
        this.onRefresh()
      },
    }
    const newId = createNewId(now, createRandomBytes())
    this.tokens = createAccessTokens({
      keys,
      renewSigningKey: async () => {},
      issuer: ISSUER,
      now,
      newId,
      production,
    })
  }

  header(changes: Json = {}): Json {
    return { alg: 'ES256', typ: 'at+jwt', kid: this.key.id, ...changes }
  }

  claims(changes: Json = {}): Json {
    return {
      iss: ISSUER,
      aud: ISSUER,
      sub: 'staff:Ann',
      client_id: 'staff:Ann',
      jti: 'jti_1',
      iat: START,
      exp: START + 300,
      scope: 'token:read card:reveal',
      caller_kind: 'staff',
      role: 'billing',
      purposes: ['process-payment'],
      site: 'shop-1',
      ...changes,
    }
  }

  /** A token with those changes, `undefined` to leave something out; signed as the vault does by default. */
  forge(header: Json, claims: Json = {}, signer: Signer = es256(this.key.secret)): string {
    return forgeToken(this.header(header), this.claims(claims), signer)
  }

  async expectRefused(token: string): Promise<void> {
    await expect(this.tokens.verify(token)).rejects.toEqual(refusal)
  }
}
