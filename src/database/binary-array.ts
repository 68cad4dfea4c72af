/**
 * PostgreSQL's binary form of a one-dimensional array (src/backend/utils/adt/arrayfuncs.c, array_recv): `pg` sends a Buffer
 * as a binary parameter, so a whole column of a batch goes over without being escaped to text and parsed back.
 *
 *     int32 dimensions │ int32 has nulls │ int32 element type │ int32 length │ int32 lower bound │ elements
 *     element: int32 length in bytes, -1 for null │ bytes
 */
type Element<T> = { oid: number; bytes: (value: T) => number; write: (value: T, into: Buffer, at: number) => void }

const HEADER_BYTES = 20
/** Object ids of pg_type; they are the same in every PostgreSQL. */
const OIDS = { bytea: 17, text: 25, int4: 23, timestamptz: 1184 } as const
/** Timestamps count microseconds from here. */
const EPOCH_MS = Date.UTC(2000, 0, 1)

function encode<T>(values: readonly (T | null)[], element: Element<T>): Buffer {
  const sizes = values.map((value) => (value === null ? 0 : element.bytes(value)))
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + sizes.reduce((sum, size) => sum + 4 + size, 0))
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(values.includes(null) ? 1 : 0, 4)
  buffer.writeInt32BE(element.oid, 8)
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16)
  let at = HEADER_BYTES
  for (const [index, value] of values.entries()) {
    const size = sizes[index]!
    at = buffer.writeInt32BE(value === null ? -1 : size, at)
    if (value !== null) element.write(value, buffer, at)
    at += size
  }
  return buffer
}

/** A `bytea[]` parameter. */
export function byteaArray(values: readonly (Uint8Array | null)[]): Buffer {
  return encode(values, {
    oid: OIDS.bytea,
    bytes: (value) => value.length,
    write: (value, into, at) => into.set(value, at),
  })
}

/** A `text[]` parameter. */
export function textArray(values: readonly (string | null)[]): Buffer {
  return encode(values, {
    oid: OIDS.text,
    bytes: (value) => Buffer.byteLength(value),
    write: (value, into, at) => into.write(value, at),
  })
}

/** An `integer[]` parameter. */
export function integerArray(values: readonly (number | null)[]): Buffer {
  return encode(values, { oid: OIDS.int4, bytes: () => 4, write: (value, into, at) => into.writeInt32BE(value, at) })
}

/** A `timestamptz[]` parameter. */
export function timestampArray(values: readonly (Date | null)[]): Buffer {
  return encode(values, {
    oid: OIDS.timestamptz,
    bytes: () => 8,
    write: (value, into, at) => into.writeBigInt64BE(BigInt(value.getTime() - EPOCH_MS) * 1000n, at),
  })
}
