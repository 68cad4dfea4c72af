import type { RandomBytes } from '../../values/random.ts'
import { format1 } from './format-1.ts'
import { format2 } from './format-2.ts'
import { FORMATS } from './formats.ts'
import { type SealContext, SealError, type SealingKey } from './seal-context.ts'
import type { SealFormat, SealFormats } from './seal-format.ts'

/** Seals `plaintext` under `key`; the result is a new buffer, in the format that binds the row when the context has facts. */
export function seal(
  key: SealingKey,
  context: SealContext,
  plaintext: Uint8Array,
  padToBytes: number,
  randomBytes: RandomBytes,
): Buffer {
  const format = context.facts === undefined ? format1 : format2
  return format.seal(key, context, plaintext, padToBytes, randomBytes)
}

/**
 * Opens what was sealed in any of the formats; its first byte says in which. The plaintext leaves only after the tag was
 * verified.
 *
 * @throws {SealError} when anything differs from what was sealed: a bit, the context, the key
 */
export function open(
  key: SealingKey,
  context: SealContext,
  sealed: Uint8Array,
  formats: SealFormats = FORMATS,
): Buffer {
  const format = formatOf(sealed, formats)
  const isKnown = format !== undefined && (!format.bindsRow || context.facts !== undefined)
  if (!isKnown) throw new SealError('sealed value is of an unknown format')
  return format.open(key, context, sealed)
}

/** Whether the value is bound to what else its row says. */
export function bindsRow(sealed: Uint8Array): boolean {
  return formatOf(sealed, FORMATS)?.bindsRow ?? false
}

/**
 * To how many bytes the text was padded: sealing it again to this multiple keeps its length.
 *
 * @throws {SealError} for a value of no known format
 */
export function paddedLengthOf(sealed: Uint8Array): number {
  const format = formatOf(sealed, FORMATS)
  if (format === undefined) throw new SealError('sealed value is of an unknown format')
  return format.paddedLengthOf(sealed)
}

function formatOf(sealed: Uint8Array, formats: SealFormats): SealFormat | undefined {
  const [byte] = sealed
  return byte === undefined ? undefined : formats.get(byte)
}
