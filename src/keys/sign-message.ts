import { createPublicKey, hash, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import canonicalize from 'canonicalize'
import { type KeyToSignDeps, keyToSign } from './lifecycle/key-to-sign.ts'
import type { Keys } from './ring/keys.ts'

/** What the vault's own key has signed. */
export interface MessageSignature {
  /** The thumbprint of the public key, under which the directory has it. */
  keyid: string
  /** Ed25519 (RFC 8032): 64 bytes. */
  signature: Buffer
}

/** A public key as a third party finds it in the directory. */
export interface MessageKey {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  kid: string
  use: 'sig'
  alg: 'EdDSA'
}

/**
 * Signs a message to a third party, such as a request, with the vault's own key.
 *
 * @param message the bytes to sign, which usually name the key
 * @throws {Problem} as `Keys.active`
 */
export type SignMessage = (message: (keyid: string) => Uint8Array) => Promise<MessageSignature>

/** See `SignMessage`. */
export async function signMessage(
  deps: KeyToSignDeps,
  ...[message]: Parameters<SignMessage>
): Promise<MessageSignature> {
  const { secret } = await keyToSign(deps, 'message-signing')
  const keyid = thumbprintOf(publicJwkOf(secret))
  return { keyid, signature: sign(null, message(keyid), secret) }
}

/**
 * The public keys that verify such messages: the one that signs now first, the one that will sign next, and those that
 * signed until a day ago. A signature of a compromised key is worth nothing.
 */
export function messageKeys({ ring }: Pick<Keys, 'ring'>): MessageKey[] {
  return ring
    .all('message-signing')
    .filter(({ state }) => state !== 'compromised')
    .map(({ secret }) => {
      const jwk = publicJwkOf(secret)
      return { ...jwk, kid: thumbprintOf(jwk), use: 'sig', alg: 'EdDSA' }
    })
}

type PublicJwk = Pick<MessageKey, 'kty' | 'crv' | 'x'>

function publicJwkOf(secret: KeyObject): PublicJwk {
  const { x } = createPublicKey(secret).export({ format: 'jwk' }) as JsonWebKey & { x: string }
  return { kty: 'OKP', crv: 'Ed25519', x }
}

/** RFC 7638, RFC 8037 appendix A.3. */
function thumbprintOf({ kty, crv, x }: PublicJwk): string {
  return hash('sha256', canonicalize({ kty, crv, x }) ?? '', 'base64url')
}
