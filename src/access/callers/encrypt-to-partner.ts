import { CompactEncrypt, importJWK } from 'jose'
import { type EncryptionJwkSet, keyAlgorithmOf } from '../policy/encryption-jwk.ts'

const CONTENT_ENCRYPTION = 'A256GCM'

/**
 * A JWE (RFC 7516 compact serialization) that only the partner opens. Its first key encrypts.
 *
 * @param value what the JSON in it says
 */
export async function encryptToPartner({ keys: [key] }: EncryptionJwkSet, value: unknown): Promise<string> {
  if (key === undefined) throw new Error('a set of keys holds one at least')
  const alg = keyAlgorithmOf(key)
  return new CompactEncrypt(Buffer.from(JSON.stringify(value)))
    .setProtectedHeader({ alg, enc: CONTENT_ENCRYPTION, kid: key.kid, cty: 'json' })
    .encrypt(await importJWK(key, alg))
}
