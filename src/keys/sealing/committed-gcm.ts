import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import { encodeContext, type SealContext, SealError } from './seal-context.ts'
import type { SealFormat } from './seal-format.ts'

/** 96 bits, random: NIST SP 800-38D section 8.2.2. */
const NONCE_BYTES = 12
/** 128 bits; SP 800-38D revision 1 removes tags below 96. */
const TAG_BYTES = 16
const COMMITMENT_BYTES = 32
/** The counter of HKDF-Expand's only block, RFC 5869 section 2.3. */
const FIRST_BLOCK = Buffer.of(1)
const HEADER_BYTES = 1 + NONCE_BYTES + COMMITMENT_BYTES

/**
 * The layout of formats 1 and 2, and the only place that encrypts:
 *
 *     ┌────────┬───────────┬────────────────┬──────────────────────┬─────────┐
 *     │ format │ nonce     │ key commitment │ AES-256-GCM          │ tag     │
 *     │ 1 byte │ 12 bytes  │ 32 bytes       │ of the padded text   │ 16 bytes│
 *     └────────┴───────────┴────────────────┴──────────────────────┴─────────┘
 *
 * Per record, HKDF-Expand (RFC 5869 section 2.3, SHA-512) over the key and the context gives 64 bytes: the encryption
 * key, then the commitment. The key is uniform already, so Extract is left out (section 3.3) and one HMAC block is all
 * that is needed. GCM alone does not commit to its key; the commitment is compared first, in constant time.
 *
 * The context is the associated data too: format, site, kind, token, part, version and key id, each after its length.
 * So a ciphertext that is moved to another row, part, site or version does not open. A format that binds rows adds the
 * facts of the context.
 *
 * The text is padded by one 0x80 byte and zeros (ISO/IEC 7816-4) to a multiple that the caller names.
 */
export function committedGcm({ byte, bindsRow }: Pick<SealFormat, 'byte' | 'bindsRow'>): SealFormat {
  /** All that a value of this format is bound to. */
  function bindContext(context: SealContext, keyId: string): Buffer {
    const { facts = '' } = context
    return encodeContext(context, [String(byte)], bindsRow ? [keyId, facts] : [keyId])
  }

  return {
    byte,
    bindsRow,

    seal(key, context, plaintext, padToBytes, randomBytes) {
      const bound = bindContext(context, key.id)
      const { encryptionKey, commitment } = deriveKeys(key.secret, bound)
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', encryptionKey, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(bound)
      const padded = pad(plaintext, padToBytes)
      try {
        const sealed = Buffer.allocUnsafe(HEADER_BYTES + padded.length + TAG_BYTES)
        sealed[0] = byte
        sealed.set(nonce, 1)
        sealed.set(commitment, 1 + NONCE_BYTES)
        // GCM is a stream: what goes in comes out at once, and final() only finishes the tag.
        sealed.set(cipher.update(padded), HEADER_BYTES)
        cipher.final()
        sealed.set(cipher.getAuthTag(), HEADER_BYTES + padded.length)
        return sealed
      } finally {
        padded.fill(0)
      }
    },

    open(key, context, sealed) {
      if (sealed.length < HEADER_BYTES + 1 + TAG_BYTES) throw new SealError('sealed value is too short')
      const bound = bindContext(context, key.id)
      const { encryptionKey, commitment } = deriveKeys(key.secret, bound)
      if (!timingSafeEqual(commitment, sealed.subarray(1 + NONCE_BYTES, HEADER_BYTES))) {
        throw new SealError('sealed value does not belong to this key and place')
      }
      const decipher = createDecipheriv('aes-256-gcm', encryptionKey, sealed.subarray(1, 1 + NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAAD(bound)
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
      const padded = decipher.update(sealed.subarray(HEADER_BYTES, sealed.length - TAG_BYTES))
      let plaintext: Buffer | undefined
      try {
        decipher.final()
        plaintext = unpad(padded)
      } catch {
        throw new SealError('sealed value was changed')
      } finally {
        if (plaintext === undefined) padded.fill(0)
      }
      return plaintext
    },

    paddedLengthOf: (sealed) => sealed.length - HEADER_BYTES - TAG_BYTES,
  }
}

function deriveKeys(secret: KeyObject, info: Uint8Array): { encryptionKey: KeyObject; commitment: Buffer } {
  const block = createHmac('sha512', secret).update(info).update(FIRST_BLOCK).digest()
  try {
    return { encryptionKey: createSecretKey(block.subarray(0, 32)), commitment: Buffer.from(block.subarray(32)) }
  } finally {
    block.fill(0)
  }
}

function pad(plaintext: Uint8Array, multiple: number): Buffer {
  const padded = Buffer.alloc(Math.ceil((plaintext.length + 1) / multiple) * multiple)
  padded.set(plaintext)
  padded[plaintext.length] = 0x80
  return padded
}

function unpad(padded: Buffer): Buffer {
  const end = padded.lastIndexOf(0x80)
  if (end < 0) throw new SealError('sealed value has no padding')
  return padded.subarray(0, end)
}
