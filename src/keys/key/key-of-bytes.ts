import { createPrivateKey, createSecretKey, type KeyObject } from 'node:crypto'
import { isEd25519Purpose, type KeyPurpose } from './key.ts'

/** The key of these bytes, which are wiped: a private key in PKCS#8, or a secret. */
export function keyOfBytes(purpose: KeyPurpose, bytes: Buffer): KeyObject {
  const isPrivate = purpose === 'token-signing' || isEd25519Purpose(purpose)
  const secret = isPrivate ? createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }) : createSecretKey(bytes)
  bytes.fill(0)
  return secret
}
