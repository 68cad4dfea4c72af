import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import type { RandomBytes } from '../../values/random.ts'
import { encodeFields } from './encode-fields.ts'

/**
 * Sealing: the only place that encrypts. Formats 1 and 2, as they stand in the database:
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
 * The context is the associated data too: format, site, kind, token, part, version and key id, each behind its length.
 * So a ciphertext that is moved to another row, part, site or version does not open. Format 2 adds a digest of what else its
 * row says (see row-facts.ts), so that it does not open either once the row says something else. Format 1 has no such digest:
 * it is for values that have no row, and in records of earlier versions.
 *
 * The text is padded by one 0x80 byte and zeros (ISO/IEC 7816-4) to a multiple that the caller names.
 */
const FORMAT_OF_PLACE = 1
const FORMAT_OF_ROW = 2

/** 96 bits, random: NIST SP 800-38D section 8.2.2. */
const NONCE_BYTES = 12
/** 128 bits; SP 800-38D revision 1 removes tags below 96. */
const TAG_BYTES = 16
const COMMITMENT_BYTES = 32
/** The counter of HKDF-Expand's only block, RFC 5869 section 2.3. */
const FIRST_BLOCK = Buffer.of(1)
const HEADER_BYTES = 1 + NONCE_BYTES + COMMITMENT_BYTES

/** A 256-bit key together with its name. */
export interface SealingKey {
  readonly id: string
  readonly secret: KeyObject
}

/** A sealed value as it stands in the database: which key, and the bytes. */
export interface Sealed {
  keyId: string
  bytes: Buffer
}

/** What a sealed value is bound to. All of it must be the same when it is opened. */
export interface SealContext {
  site: string
  kind: string
  token: string
  part: string
  version: number
  /** The digest of what else stands in the row. It must be the same too, unless the value was sealed without one. */
  facts?: string | undefined
}

/**
 * A context as bytes: its members, each behind its length, between further texts. What is bound to a context, here or by a
 * provider of root keys, is bound to these bytes.
 *
 * @throws {TypeError | RangeError} as `encodeFields`
 */
export function encodeContext(
  { site, kind, token, part, version }: SealContext,
  before: readonly string[] = [],
  after: readonly string[] = [],
): Buffer {
  return encodeFields(2, [...before, site, kind, token, part, String(version), ...after])
}

/** A sealed value did not open: it was changed, moved, or sealed under another key. Holds no data. */
export class SealError extends Error {
  override readonly name = 'SealError'
}

/** Seals `plaintext` under `key`; the result is a new buffer, in format 2 when the context has facts. */
export function seal(
  key: SealingKey,
  context: SealContext,
  plaintext: Uint8Array,
  padToBytes: number,
  randomBytes: RandomBytes,
): Buffer {
  const format = context.facts === undefined ? FORMAT_OF_PLACE : FORMAT_OF_ROW
  const bound = bindContext(format, context, key.id)
  const { encryptionKey, commitment } = deriveKeys(key.secret, bound)
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', encryptionKey, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(bound)
  const padded = pad(plaintext, padToBytes)
  try {
    const sealed = Buffer.allocUnsafe(HEADER_BYTES + padded.length + TAG_BYTES)
    sealed[0] = format
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
}

/**
 * Opens what `seal` made. The plaintext leaves only after the tag was verified.
 *
 * @throws {SealError} when anything differs from what was sealed: a bit, the context, the key
 */
export function open(key: SealingKey, context: SealContext, sealed: Uint8Array): Buffer {
  if (sealed.length < HEADER_BYTES + 1 + TAG_BYTES) throw new SealError('sealed value is too short')
  const format = sealed[0]
  const isKnown = format === FORMAT_OF_PLACE || (format === FORMAT_OF_ROW && context.facts !== undefined)
  if (!isKnown) throw new SealError('sealed value is of an unknown format')
  const bound = bindContext(format, context, key.id)
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
}

/** Whether the value is bound to what else its row says. */
export function bindsRow(sealed: Uint8Array): boolean {
  return sealed[0] === FORMAT_OF_ROW
}

/** To how many bytes the text was padded: sealing it again to this multiple keeps its length. */
export function paddedLengthOf(sealed: Uint8Array): number {
  return sealed.length - HEADER_BYTES - TAG_BYTES
}

function deriveKeys(secret: KeyObject, info: Uint8Array): { encryptionKey: KeyObject; commitment: Buffer } {
  const block = createHmac('sha512', secret).update(info).update(FIRST_BLOCK).digest()
  try {
    return { encryptionKey: createSecretKey(block.subarray(0, 32)), commitment: Buffer.from(block.subarray(32)) }
  } finally {
    block.fill(0)
  }
}

/** All that a value of that format is bound to. */
function bindContext(format: number, context: SealContext, keyId: string): Buffer {
  const { facts = '' } = context
  return encodeContext(context, [String(format)], format === FORMAT_OF_ROW ? [keyId, facts] : [keyId])
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
