/**
 * Fields one after the other, each behind its length (big-endian, of so many bytes), so that no two lists run into each
 * other. Texts are UTF-8. The result is a buffer of its own.
 */
export function encodeFields(lengthBytes: 2 | 4, fields: readonly (string | Uint8Array)[]): Buffer {
  // UTF-8 takes three bytes for a UTF-16 unit at the most; measuring first would take as long as writing.
  const most = fields.reduce((sum, field) => sum + lengthBytes + field.length * (typeof field === 'string' ? 3 : 1), 0)
  const buffer = Buffer.allocUnsafe(most)
  let at = 0
  for (const field of fields) {
    const start = at + lengthBytes
    if (typeof field === 'string') at = start + buffer.write(field, start)
    else {
      buffer.set(field, start)
      at = start + field.length
    }
    buffer.writeUIntBE(at - start, start - lengthBytes, lengthBytes)
  }
  return buffer.subarray(0, at)
}
