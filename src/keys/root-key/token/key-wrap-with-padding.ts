import { timingSafeEqual } from 'node:crypto'

/** AES under one key, or its inverse: 16 bytes in, 16 bytes out. */
export type BlockCipher = (block: Buffer) => Buffer

const SEMIBLOCK = 8
/** ICV2. */
const PREFIX = Buffer.from('a65959a6', 'hex')
const ROUNDS = 6

/**
 * AES key wrap with padding, KWP-AE of NIST SP 800-38F section 6.3, which is RFC 5649.
 *
 * @param text more than 8 bytes: shorter ones take another branch of the standard, which is not here
 */
export function wrapWithPadding(encrypt: BlockCipher, text: Buffer): Buffer {
  if (text.length <= SEMIBLOCK) throw new RangeError('too short to wrap')
  const wrapped = Buffer.alloc(SEMIBLOCK + Math.ceil(text.length / SEMIBLOCK) * SEMIBLOCK)
  PREFIX.copy(wrapped)
  wrapped.writeUInt32BE(text.length, PREFIX.length)
  text.copy(wrapped, SEMIBLOCK)
  const last = wrapped.length / SEMIBLOCK - 1
  for (let step = 1; step <= ROUNDS * last; step++) {
    const at = (((step - 1) % last) + 1) * SEMIBLOCK
    const block = encrypt(Buffer.concat([wrapped.subarray(0, SEMIBLOCK), wrapped.subarray(at, at + SEMIBLOCK)]))
    mixStep(block, step)
    block.copy(wrapped, 0, 0, SEMIBLOCK)
    block.copy(wrapped, at, SEMIBLOCK)
  }
  return wrapped
}

/** KWP-AD of the same section. Undefined when the bytes were not wrapped under this key. */
export function unwrapWithPadding(decrypt: BlockCipher, wrapped: Uint8Array): Buffer | undefined {
  if (wrapped.length % SEMIBLOCK !== 0 || wrapped.length < 3 * SEMIBLOCK) return undefined
  const text = Buffer.from(wrapped)
  const last = text.length / SEMIBLOCK - 1
  for (let step = ROUNDS * last; step >= 1; step--) {
    const at = (((step - 1) % last) + 1) * SEMIBLOCK
    const block = Buffer.concat([text.subarray(0, SEMIBLOCK), text.subarray(at, at + SEMIBLOCK)])
    mixStep(block, step)
    const opened = decrypt(block)
    opened.copy(text, 0, 0, SEMIBLOCK)
    opened.copy(text, at, SEMIBLOCK)
  }
  const length = text.readUInt32BE(PREFIX.length)
  const padding = text.length - SEMIBLOCK - length
  const isWhole = timingSafeEqual(text.subarray(0, PREFIX.length), PREFIX) && padding >= 0 && padding < SEMIBLOCK
  if (isWhole && text.subarray(SEMIBLOCK + length).every((byte) => byte === 0)) {
    return text.subarray(SEMIBLOCK, SEMIBLOCK + length)
  }
  text.fill(0)
  return undefined
}

/** The step's number into the first half of the block. Below 2^32, as long as a text is below 5 gigabytes. */
function mixStep(block: Buffer, step: number): void {
  block.writeUInt32BE((block.readUInt32BE(4) ^ step) >>> 0, 4)
}
