import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Key, KeyPurpose, KeyState } from '../../src/keys/key.ts'
import type { RootKey } from '../../src/keys/root-key/root-key.ts'
import { open, seal } from '../../src/keys/seal.ts'

/** A key of the ring with real, fresh key material. */
export function testKey(purpose: KeyPurpose, options: { id?: string; state?: KeyState } = {}): Key {
  const { id = testKeyId(), state = 'active' } = options
  const secret =
    purpose === 'token-signing'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
      : createSecretKey(randomBytes(32))
  return { id, purpose, state, secret, expiresAt: null }
}

/** An id in the form that the vault gives to keys. */
export function testKeyId(): string {
  return `key_${[...randomBytes(26)].map((byte) => '0123456789abcdefghjkmnpqrstvwxyz'[byte & 31]).join('')}`
}

/** A root key in memory: a provider like the others, without argon2. */
export function testRootKey(): RootKey {
  const key = { id: 'root_test', secret: createSecretKey(randomBytes(32)) }
  return {
    record: { id: key.id, provider: 'test', parameters: {} },
    wrap: async (bytes, context) => seal(key, context, bytes, 64, randomBytes),
    unwrap: async (wrapped, context) => open(key, context, wrapped),
  }
}
