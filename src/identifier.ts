import type { RandomBytes } from './random-bytes.ts'

/** Crockford's base32 in lower case: no i, l, o or u, so that ids survive being read aloud. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** 128 bits as 26 characters, most significant first; the first character carries the 3 left-over bits. */
export function base32(bytes: Uint8Array): string {
  let text = ''
  // Two zero bits in front make 130 bits, 26 groups of five.
  let bits = 0
  let count = 2
  for (const byte of bytes) {
    bits = (bits << 8) | byte
    count += 8
    while (count >= 5) {
      count -= 5
      text += ALPHABET[(bits >>> count) & 31]
    }
    bits &= (1 << count) - 1
  }
  return text
}

/** Makes ids such as `evt_01k…`: 48 bits of milliseconds, then 80 random bits (the layout of a ULID), so that they sort by time. */
export type NewId = (prefix: string) => string

export function createNewId(now: () => Date, randomBytes: RandomBytes): NewId {
  return (prefix) => {
    const bytes = Buffer.alloc(16)
    bytes.writeUIntBE(now().getTime(), 0, 6)
    randomBytes(10).copy(bytes, 6)
    return `${prefix}_${base32(bytes)}`
  }
}
