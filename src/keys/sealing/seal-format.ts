import type { RandomBytes } from '../../values/random.ts'
import type { SealContext, SealingKey } from './seal-context.ts'

/** One way to write a sealed value. Its first byte says which one it is. */
export interface SealFormat {
  /** The first byte of every value in this format. It is never used again for another one. */
  readonly byte: number
  /** Whether a value is bound to what else its row says. Such a value opens only with a context that has facts. */
  readonly bindsRow: boolean
  /** Seals `plaintext`; the result is a new buffer, which begins with the format's byte. */
  seal(
    key: SealingKey,
    context: SealContext,
    plaintext: Uint8Array,
    padToBytes: number,
    randomBytes: RandomBytes,
  ): Buffer
  /** Opens what `seal` made. @throws {SealError} when anything differs from what was sealed */
  open(key: SealingKey, context: SealContext, sealed: Uint8Array): Buffer
  /** To how many bytes the text was padded. */
  paddedLengthOf(sealed: Uint8Array): number
}

/** Formats by their byte. */
export type SealFormats = ReadonlyMap<number, SealFormat>

export function formatsByByte(formats: readonly SealFormat[]): SealFormats {
  const byByte = new Map(formats.map((format) => [format.byte, format]))
  if (byByte.size < formats.length) throw new Error('two formats of sealed values have the same byte')
  return byByte
}
