/**
 * PostgreSQL's binary form of a one-dimensional array (src/backend/utils/adt/arrayfuncs.c, array_recv): `pg` sends a Buffer
 * as a binary parameter, so a whole column of a batch goes over without being escaped to text and parsed back.
 *
 *     int32 dimensions │ int32 has nulls │ int32 element type │ int32 length │ int32 lower bound │ elements
 *     element: int32 length in bytes, -1 for null │ bytes
 */
type Element<T> = {
  oid: number
  /** How many bytes the value takes, or some more. */
  most: (value: T) => number
  /** Writes the value, and answers with how many bytes it took. */
  write: (value: T, into: Buffer, at: number) => number
}

const HEADER_BYTES = 20
/** Object ids of pg_type; they are the same in every PostgreSQL. */
const OIDS = { bytea: 17, text: 25, int2: 21, int4: 23, timestamptz: 1184, uuid: 2950 } as const
/** Timestamps count microseconds from here. */
const EPOCH_MS = Date.UTC(2000, 0, 1)

function encode<T>(values: readonly (T | null)[], element: Element<T>): Buffer {
  let most = HEADER_BYTES
  let nulls = 0
  for (const value of values) {
    most += 4 + (value === null ? 0 : element.most(value))
    if (value === null) nulls = 1
  }
  const buffer = Buffer.allocUnsafe(most)
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(nulls, 4)
  buffer.writeInt32BE(element.oid, 8)
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16)
  let at = HEADER_BYTES
  for (const value of values) {
    const start = at + 4
    const size = value === null ? 0 : element.write(value, buffer, start)
    buffer.writeInt32BE(value === null ? -1 : size, at)
    at = start + size
  }
  return buffer.subarray(0, at)
}

/** A `bytea[]` parameter. */
export function byteaArray(values: readonly (Uint8Array | null)[]): Buffer {
  return encode(values, {
    oid: OIDS.bytea,
    most: (value) => value.length,
    write(value, into, at) {
      into.set(value, at)
      return value.length
    },
  })
}

/** A `text[]` parameter. */
export function textArray(values: readonly (string | null)[]): Buffer {
  return encode(values, {
    oid: OIDS.text,
    // UTF-8 takes three bytes for a UTF-16 unit at the most; measuring first would take as long as writing.
    most: (value) => 3 * value.length,
    write: (value, into, at) => into.write(value, at),
  })
}

/** An `integer[]` parameter. */
export function integerArray(values: readonly (number | null)[]): Buffer {
  return encode(values, {
    oid: OIDS.int4,
    most: () => 4,
    write(value, into, at) {
      into.writeInt32BE(value, at)
      return 4
    },
  })
}

/** A `smallint[]` parameter. @throws {RangeError} for a number of more than 16 bits */
export function smallintArray(values: readonly (number | null)[]): Buffer {
  return encode(values, {
    oid: OIDS.int2,
    most: () => 2,
    write(value, into, at) {
      into.writeInt16BE(value, at)
      return 2
    },
  })
}

/** A `uuid[]` parameter of values of 16 bytes. */
export function uuidArray(values: readonly (Uint8Array | null)[]): Buffer {
  return encode(values, {
    oid: OIDS.uuid,
    most: () => 16,
    write(value, into, at) {
      if (value.length !== 16) throw new RangeError('a uuid has 16 bytes')
      into.set(value, at)
      return 16
    },
  })
}

/** A `timestamptz[]` parameter. */
export function timestampArray(values: readonly (Date | null)[]): Buffer {
  return encode(values, {
    oid: OIDS.timestamptz,
    most: () => 8,
    write(value, into, at) {
      into.writeBigInt64BE(BigInt(value.getTime() - EPOCH_MS) * 1000n, at)
      return 8
    },
  })
}
