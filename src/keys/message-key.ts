import { createPublicKey, hash, type JsonWebKey, type KeyObject } from 'node:crypto'
import canonicalize from 'canonicalize'
import { type KeyToSignDeps, keyToSign } from './lifecycle/key-to-sign.ts'
import type { Keys } from './ring/keys.ts'

/** What these keys sign goes to others: requests to third parties, receipts to persons. */
type MessagePurpose = 'message-signing' | 'receipt-signing'

/** A key of the vault's own that signs messages to others. */
export interface MessageKey {
  /** The thumbprint of the public key, under which the directory has it. */
  keyid: string
  /** The private key: Ed25519 (RFC 8032). */
  key: KeyObject
}

/** A public key as a third party finds it in the directory. */
export interface PublicMessageKey {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  kid: string
  use: 'sig'
  alg: 'EdDSA'
}

/** The key that signs a message now, which counts as a use of it. @throws {Problem} as `Keys.active` */
export async function messageKey(
  deps: KeyToSignDeps,
  purpose: MessagePurpose = 'message-signing',
): Promise<MessageKey> {
  const { secret } = await keyToSign(deps, purpose)
  return { keyid: thumbprintOf(publicJwkOf(secret)), key: secret }
}

/**
 * The public keys that verify such messages: the one that signs now first, the one that will sign next, and those
 * whose signatures may still have to be verified. A signature of a compromised key is worth nothing.
 */
export function publicMessageKeys(
  { ring }: Pick<Keys, 'ring'>,
  purpose: MessagePurpose = 'message-signing',
): PublicMessageKey[] {
  return ring
    .all(purpose)
    .filter(({ state }) => state !== 'compromised')
    .map(({ secret }) => {
      const jwk = publicJwkOf(secret)
      return { ...jwk, kid: thumbprintOf(jwk), use: 'sig', alg: 'EdDSA' }
    })
}

type PublicJwk = Pick<PublicMessageKey, 'kty' | 'crv' | 'x'>

function publicJwkOf(secret: KeyObject): PublicJwk {
  const { x } = createPublicKey(secret).export({ format: 'jwk' }) as JsonWebKey & { x: string }
  return { kty: 'OKP', crv: 'Ed25519', x }
}

/** RFC 7638, RFC 8037 appendix A.3. */
function thumbprintOf({ kty, crv, x }: PublicJwk): string {
  return hash('sha256', canonicalize({ kty, crv, x }) ?? '', 'base64url')
}
