import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { rawPublicKey } from '../../audit/formats/signed-note.ts'
import { drawFresh } from '../../values/random.ts'
import { isEd25519Purpose, isIndexPurpose, type KeyPurpose, type KeyRow } from '../key/key.ts'
import { boundRowsMark, noCardTermsMark, termMacsMark } from '../key/marks.ts'

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

/** The row of a new key, which does nothing yet. */
export function newKeyRow(
  key: Pick<KeyRow, 'id' | 'purpose' | 'root_key_id' | 'created_at'> & { wrapped: Buffer },
): KeyRow {
  return {
    ...key,
    state: 'pre-active',
    activated_at: null,
    deactivated_at: null,
    compromised_at: null,
    destroyed_at: null,
    expires_at: null,
    uses: 0,
    uses_reserved: 0,
  }
}

/** The marks of a new key in the manifest: no value of an earlier version is under it. */
export function marksOfNewKey({ id, purpose }: Pick<KeyRow, 'id' | 'purpose'>): string[] {
  return [
    ...(isIndexPurpose(purpose) ? [termMacsMark(id)] : []),
    ...(purpose === 'index' ? [noCardTermsMark(id)] : []),
    ...(purpose === 'display' || purpose === 'secret' ? [boundRowsMark(id)] : []),
  ]
}
