import { createHash, timingSafeEqual } from 'node:crypto'
import { encodeContext, type SealContext, SealError } from '../sealing/seal-context.ts'

/**
 * What a provider outside this process is given to encrypt, so that a wrong answer shows:
 *
 *     ┌────────┬─────────────────────────────┬─────────────────────┐
 *     │ 0x01   │ SHA-256 of context and key  │ the bytes of the key│
 *     │ 1 byte │ 32 bytes                    │                     │
 *     └────────┴─────────────────────────────┴─────────────────────┘
 *
 * The provider authenticates its ciphertext; the digest is there for the provider that answers with something else.
 */
const FRAME_FORMAT = 1
const DIGEST_BYTES = 32

/** A new buffer; the caller wipes it. */
export function frameKey(key: Uint8Array, context: SealContext): Buffer {
  return Buffer.concat([Buffer.of(FRAME_FORMAT), digest(key, context), key])
}

/** The bytes of the key as a view of the frame. @throws {SealError} when the provider answered with something else */
export function unframeKey(frame: Buffer, context: SealContext): Buffer {
  const key = frame.subarray(1 + DIGEST_BYTES)
  const stated = frame.subarray(1, 1 + DIGEST_BYTES)
  if (frame[0] !== FRAME_FORMAT || key.length === 0 || !timingSafeEqual(stated, digest(key, context))) {
    frame.fill(0)
    throw new SealError('the root key unwrapped something else')
  }
  return key
}

function digest(key: Uint8Array, context: SealContext): Buffer {
  return createHash('sha256').update('strongroom wrapped key').update(encodeContext(context)).update(key).digest()
}
