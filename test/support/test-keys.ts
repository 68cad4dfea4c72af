import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Key, KeyPurpose, KeyRow, KeyState } from '../../src/keys/key/key.ts'
import { localCipher } from '../../src/keys/root-key/local-cipher.ts'
import type { RootKey } from '../../src/keys/root-key/root-key.ts'

/** A key of the ring with real, fresh key material. */
export function testKey(purpose: KeyPurpose, options: { id?: string; state?: KeyState } = {}): Key {
  const { id = testKeyId(), state = 'active' } = options
  const secret =
    purpose === 'token-signing'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
      : createSecretKey(randomBytes(32))
  return { id, purpose, state, secret, expiresAt: null }
}

/** A row of `keys`, created at the epoch and never used by default. */
export function testKeyRow(row: Pick<KeyRow, 'id' | 'purpose' | 'state'> & Partial<KeyRow>): KeyRow {
  return {
    root_key_id: 'root_test',
    wrapped: Buffer.alloc(8),
    created_at: new Date(0),
    activated_at: null,
    deactivated_at: null,
    compromised_at: null,
    destroyed_at: null,
    expires_at: null,
    uses: 0,
    uses_reserved: 0,
    ...row,
  }
}

/** An id in the form that the vault gives to keys. */
export function testKeyId(): string {
  return `key_${[...randomBytes(26)].map((byte) => '0123456789abcdefghjkmnpqrstvwxyz'[byte & 31]).join('')}`
}

/** A root key in memory: as the others, without argon2. */
export function testRootKey(): RootKey {
  const key = { id: 'root_test', secret: createSecretKey(randomBytes(32)) }
  const record = { id: key.id, provider: 'passphrase-file', parameters: {} }
  return { ...localCipher('passphrase-file', key, randomBytes), record, check: async () => {} }
}
