import { z } from 'zod'
import type { RandomBytes } from '../../../values/random.ts'
import { encodeContext, SealError } from '../../sealing/seal-context.ts'
import { frameKey, unframeKey } from '../key-frame.ts'
import type { KeyInToken, TokenAnswer, TokenRequest } from '../pkcs11-session.ts'
import { type RootKeyCipher, RootKeyConfigError, type RootKeyRecord, RootKeyUnreachable } from '../root-key.ts'
import { RANDOM_BYTES } from './wrap-in-token.ts'
import { FIRST_WAY, findWay, type WrapWay } from './wrap-way.ts'

/** Root keys made before the way was recorded have none; see `FIRST_WAY`. */
export const tokenParameters = z.object({
  token: z.string().min(1),
  label: z.string(),
  way: z.string().optional(),
  lacks: z.array(z.string()).default([]),
})

/** Asks the token. @throws {SealError | RootKeyConfigError | RootKeyUnreachable} */
export interface Ask {
  (request: TokenRequest): Promise<Exclude<TokenAnswer, { failed: string }>>
  close(): void
}

export function madeBy(answer: Exclude<TokenAnswer, { failed: string }>): {
  way: string
  lacks: string[]
  serial: string
} {
  if (!('way' in answer)) throw new RootKeyUnreachable('the PKCS#11 token answered something else')
  return { way: answer.way, lacks: [...answer.lacks], serial: answer.serial }
}

function bytesOf(answer: Exclude<TokenAnswer, { failed: string }>): Buffer {
  if (!('bytes' in answer)) throw new RootKeyUnreachable('the PKCS#11 token answered something else')
  return Buffer.from(answer.bytes)
}

export function keyOf({ id, parameters }: RootKeyRecord): KeyInToken {
  const { way, lacks } = tokenParameters.parse(parameters)
  const known = way === undefined ? ({ made: 'before' } as const) : ({ made: 'since', lacks } as const)
  return { id: Buffer.from(id), way: way ?? FIRST_WAY.name, known }
}

function formatOf(way: WrapWay): number {
  if (way.kind !== 'gcm') return 2
  return way.iv === 'ours' ? 1 : 3
}

/**
 * The cipher of a root key in a token. A wrapped key is one byte of format, and then what `wrapInToken` gives for the
 * framed key:
 *
 *     0x01   AES-GCM with an IV of ours, the key's context as associated data
 *     0x02   AES-KWP
 *     0x03   AES-GCM with an IV of the token, the key's context as associated data
 *
 * AES-KWP has no associated data. There the frame binds the context: it holds a SHA-256 digest over context and key,
 * inside of what AES-KWP authenticates. Without the root key no one can make a wrap that opens to a frame of their own
 * (SP 800-38F is an authenticated encryption), so a wrap in another place opens to the frame of its first place, whose
 * digest is another one.
 */
export function cipherOf(
  ask: Ask,
  record: RootKeyRecord,
  { lacks, serial, randomBytes }: { lacks: readonly string[]; serial: string; randomBytes: RandomBytes },
): RootKeyCipher {
  const { token, label } = tokenParameters.parse(record.parameters)
  const key = keyOf(record)
  const way = findWay(key.way)
  if (way === undefined) {
    throw new RootKeyConfigError(`the root key ${record.id} wraps in a way that this version does not know.`)
  }
  const format = formatOf(way)
  return {
    token: { label: token, serial },
    async wrap(bytes, context) {
      const frame = frameKey(bytes, context)
      const random = randomBytes(RANDOM_BYTES)
      try {
        const request = { do: 'wrap', key, random, context: encodeContext(context), bytes: frame } as const
        return Buffer.concat([Buffer.of(format), bytesOf(await ask(request))])
      } finally {
        frame.fill(0)
      }
    },
    async unwrap(wrapped, context) {
      if (wrapped[0] !== format) throw new SealError('no key wrapped by this root key')
      const request = { do: 'unwrap', key, context: encodeContext(context), bytes: wrapped.subarray(1) } as const
      return unframeKey(bytesOf(await ask(request)), context)
    },
    describe: () => ({
      provider: 'pkcs11',
      algorithm: `${way.algorithm} in a PKCS#11 token (${way.title})`,
      strengthBits: 256,
      location: `${token}/${label}`,
      ...(lacks.length > 0 ? { lacks } : {}),
    }),
    close: () => ask.close(),
  }
}
