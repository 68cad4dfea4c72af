import { CompactSign } from 'jose'
import type { MessageKey } from '../../keys/message-key.ts'

/** The type in the header of a receipt, so that no other signature of the vault passes for one. */
const RECEIPT_TYPE = 'consent-receipt+jws'

/** A receipt as a compact JWS (RFC 7515) with Ed25519, which anyone can verify with the published keys. */
export function signReceipt({ keyid, key }: MessageKey, receipt: object): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(receipt), 'utf8'))
    .setProtectedHeader({ alg: 'EdDSA', kid: keyid, typ: RECEIPT_TYPE })
    .sign(key)
}
