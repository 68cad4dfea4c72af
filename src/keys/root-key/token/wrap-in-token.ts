import { CK, type Mechanism } from '../cryptoki.ts'
import { unwrapWithPadding, wrapWithPadding } from './key-wrap-with-padding.ts'
import { TokenFailure } from './token-failure.ts'
import type { GcmIv, WrapWay } from './wrap-way.ts'

/** One AES-256 key in a token. Both throw what the library throws. */
export interface TokenKey {
  encrypt(mechanism: Mechanism, bytes: Buffer): Buffer
  decrypt(mechanism: Mechanism, bytes: Buffer): Buffer
}

export interface ToWrap {
  bytes: Uint8Array
  /** GCM's associated data. AES-KWP has none: there, the bytes must hold a digest of their context. */
  context: Uint8Array
  /** 16 fresh random bytes. */
  random: Uint8Array
}

export const RANDOM_BYTES = 16
/** 96 bits, random: NIST SP 800-38D section 8.2.2. */
const IV_BYTES = 12
const TAG_BYTES = 16
const BLOCK_BYTES = 16

/**
 * Wraps, which gives, by the kind of the way:
 *
 *     key-wrap, block-cipher   AES-KWP of (16 random bytes ‖ the bytes)
 *     gcm, IV of ours          IV, 12 bytes ‖ ciphertext ‖ tag
 *     gcm, IV of the token     length of the IV, 1 byte ‖ IV ‖ ciphertext ‖ tag, as the token gave them
 *
 * AES-KWP is deterministic. The random bytes keep equal keys from giving equal wraps.
 *
 * @throws {TokenFailure} config, when the token did not use an IV that may be used
 */
export function wrapInToken(key: TokenKey, way: WrapWay, { bytes, context, random }: ToWrap): Buffer {
  const { mechanism } = way
  const text = way.kind === 'gcm' ? Buffer.from(bytes) : Buffer.concat([random, bytes])
  try {
    if (way.kind === 'gcm') {
      const { iv, sealed } = sealByGcm(key, way, text, { context, random })
      return way.iv === 'ours' ? Buffer.concat([iv, sealed]) : Buffer.concat([Buffer.of(iv.length), iv, sealed])
    }
    if (way.kind === 'key-wrap') return Buffer.from(key.encrypt({ mechanism }, text))
    return wrapWithPadding((block) => oneBlock(key.encrypt({ mechanism }, block)), text)
  } finally {
    text.fill(0)
  }
}

/** @throws {TokenFailure} wrong, if it can be seen without the key; what the library throws if the key shows it */
export function unwrapInToken(
  key: TokenKey,
  way: WrapWay,
  { wrapped, context }: { wrapped: Uint8Array; context: Uint8Array },
): Buffer {
  if (way.kind === 'gcm') {
    const { iv, sealed } = splitGcm(way.iv, Buffer.from(wrapped))
    return key.decrypt(gcm(way.mechanism, iv, context), sealed)
  }
  const { mechanism } = way
  const text =
    way.kind === 'key-wrap'
      ? key.decrypt({ mechanism }, Buffer.from(wrapped))
      : unwrapWithPadding((block) => oneBlock(key.decrypt({ mechanism }, block)), wrapped)
  if (text === undefined || text.length < RANDOM_BYTES) throw new TokenFailure('wrong', 'no key wrapped by this token')
  return text.subarray(RANDOM_BYTES)
}

type GcmWay = Extract<WrapWay, { kind: 'gcm' }>

/**
 * If a token should draw its IV and has not, its ciphertext must never leave: two ciphertexts under one IV give the key
 * away.
 */
function sealByGcm(
  key: TokenKey,
  way: GcmWay,
  bytes: Buffer,
  { context, random }: Pick<ToWrap, 'context' | 'random'>,
): { iv: Buffer; sealed: Buffer } {
  const handed = {
    ours: Buffer.from(random.subarray(0, IV_BYTES)),
    zeros: Buffer.alloc(IV_BYTES),
    none: Buffer.alloc(0),
  }
  const iv = handed[way.iv]
  const output = Buffer.from(key.encrypt(gcm(way.mechanism, iv, context), bytes))
  const end = bytes.length + TAG_BYTES
  const used = output.length > end ? output.subarray(end) : iv
  const isUsable = way.iv === 'ours' ? used.length === IV_BYTES : used.length >= IV_BYTES
  if (!isUsable || output.length < end || used.every((byte) => byte === 0)) {
    throw new TokenFailure('config', 'the token returned no IV')
  }
  return { iv: used, sealed: output.subarray(0, end) }
}

function splitGcm(handed: GcmIv, wrapped: Buffer): { iv: Buffer; sealed: Buffer } {
  const start = handed === 'ours' ? 0 : 1
  const end = start + (handed === 'ours' ? IV_BYTES : (wrapped[0] ?? 0))
  const iv = wrapped.subarray(start, end)
  const sealed = wrapped.subarray(end)
  if (iv.length < IV_BYTES || sealed.length < TAG_BYTES) throw new TokenFailure('wrong', 'no key wrapped by this token')
  return { iv, sealed }
}

function gcm(mechanism: number, iv: Buffer, context: Uint8Array): Mechanism {
  const aad = Buffer.from(context)
  return { mechanism, parameter: { type: CK.CK_PARAMS_GCM, iv, aad, ivBits: iv.length * 8, tagBits: TAG_BYTES * 8 } }
}

function oneBlock(bytes: Buffer): Buffer {
  if (bytes.length !== BLOCK_BYTES) throw new TokenFailure('config', 'the token did not return one block for one')
  return Buffer.from(bytes)
}
