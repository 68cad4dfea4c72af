import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'

/**
 * The public keys that callers may have: P-256, Ed25519, and RSA of 2048 to 4096 bits (NIST SP 800-131A; more would only
 * make the vault work).
 */
export type PublicJwk =
  | { kty: 'EC'; crv: 'P-256'; x: string; y: string; kid?: string }
  | { kty: 'OKP'; crv: 'Ed25519'; x: string; kid?: string }
  | { kty: 'RSA'; n: string; e: string; kid?: string }

/** RFC 7517 section 5. */
export interface PublicJwkSet {
  keys: PublicJwk[]
}

/** RFC 7518 section 6: what no public key has. A caller who shows one has lost the key. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Whether the JWK holds a private or a symmetric key. */
export function hasPrivateMember(jwk: object): boolean {
  return PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))
}

/** The public key in a JWK; undefined for a private or a symmetric one, another type, or no key at all. */
export function parsePublicJwk(value: unknown): PublicJwk | undefined {
  if (typeof value !== 'object' || value === null || hasPrivateMember(value)) return undefined
  try {
    const { kid } = value as { kid?: unknown }
    const jwk = publicJwkOf(createPublicKey({ key: value as JsonWebKey, format: 'jwk' }))
    return jwk && (typeof kid === 'string' ? { ...jwk, kid } : jwk)
  } catch {
    return undefined
  }
}

/** The key as a JWK of exactly the members that its thumbprint covers; undefined for a type that callers may not have. */
export function publicJwkOf(key: KeyObject): PublicJwk | undefined {
  const { kty, crv, x, y, n, e } = key.export({ format: 'jwk' })
  if (kty === 'EC' && crv === 'P-256' && x && y) return { kty, crv, x, y }
  if (kty === 'OKP' && crv === 'Ed25519' && x) return { kty, crv, x }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (kty === 'RSA' && n && e && bits >= 2048 && bits <= 4096) return { kty, n, e }
  return undefined
}

/** RFC 7638, SHA-256. */
export function thumbprintOf(jwk: JWK): Promise<string> {
  return calculateJwkThumbprint(jwk, 'sha256')
}

/** A SHA-256 in base64url: 43 characters of which the last carries two zero bits. */
export const THUMBPRINT = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/
