/** A field of a list: a text, bytes, or bytes without their tag. */
export type Field = string | Uint8Array | Untagged

/**
 * Bytes in a place where every list of the domain has bytes. They are encoded without their tag, as everything was
 * before there were tags: values that are kept under such an encoding must stay as they are. New domains do not use it.
 */
interface Untagged {
  untagged: Uint8Array
}

/**
 * Fields one after the other, each after its length (big-endian, of so many bytes), so that no two lists run into each
 * other. Texts are UTF-8. The first bit of the length tags what it is: 0 for a text, 1 for bytes, so that a text never
 * passes for the bytes that it is written in. The result is a buffer of its own.
 *
 * @throws {TypeError} for a text that is not well-formed: in UTF-8 all lone surrogates are the same bytes
 * @throws {RangeError} for a field of 2^15 bytes (of 2^31, with lengths of four)
 */
export function encodeFields(lengthBytes: 2 | 4, fields: readonly Field[]): Buffer {
  // UTF-8 takes three bytes for a UTF-16 unit at the most; measuring first would take as long as writing.
  const most = fields.reduce((sum, field) => sum + lengthBytes + mostBytesOf(field), 0)
  const buffer = Buffer.allocUnsafe(most)
  const tag = 2 ** (8 * lengthBytes - 1)
  let at = 0
  for (const field of fields) {
    const start = at + lengthBytes
    if (typeof field === 'string') {
      requireWellFormed(field)
      at = start + buffer.write(field, start)
    } else {
      const bytes = bytesOf(field)
      buffer.set(bytes, start)
      at = start + bytes.length
    }
    const length = at - start
    if (length >= tag) throw new RangeError('a field is too long to be encoded')
    buffer.writeUIntBE(field instanceof Uint8Array ? tag + length : length, start - lengthBytes, lengthBytes)
  }
  return buffer.subarray(0, at)
}

/** @throws {TypeError} when the text holds half a surrogate pair; nothing of it is in the message */
export function requireWellFormed(text: string): void {
  if (!text.isWellFormed()) throw new TypeError('a text that is not well-formed Unicode cannot be encoded')
}

function bytesOf(field: Uint8Array | Untagged): Uint8Array {
  return field instanceof Uint8Array ? field : field.untagged
}

function mostBytesOf(field: Field): number {
  return typeof field === 'string' ? 3 * field.length : bytesOf(field).length
}
