import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { hasPrivateMember } from './public-jwk.ts'

/** The public keys that partners may have: P-256, X25519, and RSA of 2048 to 4096 bits (NIST SP 800-56A, 56B). */
export type EncryptionJwk =
  | { kty: 'EC'; crv: 'P-256'; x: string; y: string; kid?: string }
  | { kty: 'OKP'; crv: 'X25519'; x: string; kid?: string }
  | { kty: 'RSA'; n: string; e: string; kid?: string }

/** RFC 7517 section 5; each key has an id. */
export interface EncryptionJwkSet {
  keys: (EncryptionJwk & { kid: string })[]
}

/** How the content key is agreed on or wrapped (RFC 7518 section 4): one way for each type of key. */
export type KeyAlgorithm = 'ECDH-ES' | 'RSA-OAEP-256'

export function keyAlgorithmOf({ kty }: EncryptionJwk): KeyAlgorithm {
  return kty === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES'
}

/**
 * The key in a JWK, with the members that matter; undefined for a private or a symmetric one, another type, one for
 * signatures or for another algorithm, or no key at all.
 */
export function parseEncryptionJwk(value: unknown): EncryptionJwk | undefined {
  if (typeof value !== 'object' || value === null || hasPrivateMember(value)) return undefined
  const { kid, use, alg, key_ops } = value as Record<string, unknown>
  try {
    const jwk = encryptionJwkOf(value as JsonWebKey)
    if (jwk === undefined) return undefined
    const isFor =
      (use === undefined || use === 'enc') &&
      (alg === undefined || alg === keyAlgorithmOf(jwk)) &&
      !(Array.isArray(key_ops) && key_ops.includes('verify'))
    if (!isFor) return undefined
    return typeof kid === 'string' ? { ...jwk, kid } : jwk
  } catch {
    return undefined
  }
}

/** Of exactly the members that its thumbprint covers. @throws {Error} for no key */
function encryptionJwkOf(value: JsonWebKey): EncryptionJwk | undefined {
  const key = createPublicKey({ key: value, format: 'jwk' })
  const { kty, crv, x, y, n, e } = key.export({ format: 'jwk' })
  if (kty === 'EC' && crv === 'P-256' && x && y) return { kty, crv, x, y }
  if (kty === 'OKP' && crv === 'X25519' && x) return { kty, crv, x }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (kty === 'RSA' && n && e && bits >= 2048 && bits <= 4096) return { kty, n, e }
  return undefined
}
