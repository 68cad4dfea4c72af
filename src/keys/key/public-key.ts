import { createPublicKey } from 'node:crypto'
import type { Key } from './key.ts'

/** What verifies the signatures of a signing key: its public key in PEM (RFC 7468, section 13). */
export function publicKeyOf({ secret }: Key): string {
  return createPublicKey(secret).export({ type: 'spki', format: 'pem' }).toString()
}
