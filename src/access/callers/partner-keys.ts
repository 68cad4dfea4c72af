import { type EncryptionJwkSet, parseEncryptionJwk } from '../policy/encryption-jwk.ts'
import { readJwkSet } from './client-keys.ts'
import { CallerError } from './clients.ts'
import { encryptToPartner } from './encrypt-to-partner.ts'

const EXPECTED = 'each key must be a public one for encryption: P-256, X25519, or RSA of 2048 to 4096 bits.'

/**
 * Reads the JWK Set of a partner (RFC 7517 section 5).
 *
 * @throws {CallerError} unless each key in it is a public one that something can be encrypted to
 */
export async function parsePartnerKeys(json: string): Promise<EncryptionJwkSet> {
  const set = await readJwkSet(json, parseEncryptionJwk, EXPECTED)
  for (const key of set.keys) {
    // A point of a small order looks like a key, and agrees on nothing.
    await encryptToPartner({ keys: [key] }, {}).catch((error: unknown) => {
      throw new CallerError(EXPECTED, { cause: error })
    })
  }
  return set
}
