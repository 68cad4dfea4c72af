import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { rawPublicKey } from '../../audit/formats/signed-note.ts'
import { isEd25519Purpose, type KeyPurpose } from '../key/key.ts'
import { drawFresh } from '../sealing/random.ts'

/** The bytes of a new key of that purpose: a private key in PKCS#8, or 256 random bits. */
export function newKeyBytes(purpose: KeyPurpose): Buffer {
  if (purpose === 'token-signing') {
    return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'der', type: 'pkcs8' })
  }
  if (isEd25519Purpose(purpose)) {
    return generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
  }
  return drawFresh(32)
}

/** The raw public key of an Ed25519 key in PKCS#8, in base64. */
export function publicKeyOfBytes(pkcs8: Buffer): string {
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  return rawPublicKey(createPublicKey(key)).toString('base64')
}
