/** Many values in one buffer of their own, so that they can be transferred to another thread at once. */
export interface JoinedBytes {
  lengths: readonly number[]
  buffer: ArrayBuffer
}

/** Copies the values one after the other. */
export function joinBytes(values: readonly Uint8Array[]): JoinedBytes {
  const lengths = values.map(({ length }) => length)
  // Not Buffer.concat: its buffers may share one, which cannot be transferred.
  const joined = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0))
  let at = 0
  for (const value of values) {
    joined.set(value, at)
    at += value.length
  }
  return { lengths, buffer: joined.buffer }
}

/** The values again, as views of the one buffer. */
export function splitBytes({ lengths, buffer }: JoinedBytes): Buffer[] {
  let at = 0
  return lengths.map((length) => {
    at += length
    return Buffer.from(buffer, at - length, length)
  })
}
