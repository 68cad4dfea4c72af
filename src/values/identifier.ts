import type { RandomBytes } from './random.ts'

/** Crockford's base32 in lower case: no i, l, o or u, so that ids survive being read aloud. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/**
 * Bytes as base32, most significant first, after two zero bits: 16 bytes are 26 characters, and 36 bytes are 58. Other
 * numbers of bytes, which leave bits over, are not supported.
 */
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

/** The bytes of a text that `base32` made; undefined for any other text. */
export function bytesOfBase32(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(Math.max(0, Math.floor((text.length * 5 - 2) / 8)))
  let bits = 0
  let count = -2
  let at = 0
  for (const character of text) {
    const value = ALPHABET.indexOf(character)
    if (value < 0) return undefined
    bits = (bits << 5) | value
    count += 5
    if (count < 8) continue
    count -= 8
    bytes[at++] = bits >>> count
    bits &= (1 << count) - 1
  }
  return base32(bytes) === text ? bytes : undefined
}

/** Such a name is drawn again, because a scanner could take that many digits in a row for a card number. */
const CARD_LIKE = /[0-9]{12}/

/** The form of `randomName`, for a regular expression. */
export const RANDOM_NAME = '[0-7][0-9a-hjkmnp-tv-z]{25}'

/** 128 random bits as base32: a name that cannot be guessed. */
export function randomName(randomBytes: RandomBytes): string {
  for (;;) {
    const name = base32(randomBytes(16))
    if (!CARD_LIKE.test(name)) return name
  }
}

/**
 * Makes ids such as `evt_01k…`: 48 bits of milliseconds, then 80 random bits (the layout of a ULID), so that they sort
 * by time. The time is now unless another is given.
 */
export type NewId = (prefix: string, at?: Date) => string

export function createNewId(now: () => Date, randomBytes: RandomBytes): NewId {
  return (prefix, at = now()) => {
    const bytes = Buffer.alloc(16)
    bytes.writeUIntBE(at.getTime(), 0, 6)
    randomBytes(10).copy(bytes, 6)
    return `${prefix}_${base32(bytes)}`
  }
}

/** The 16 bytes of an id, after its prefix; undefined for a text that `createNewId` cannot have made. */
export function bytesOfId(id: string): Buffer | undefined {
  const bytes = bytesOfBase32(id.slice(id.indexOf('_') + 1))
  return bytes?.length === 16 ? bytes : undefined
}

/** The same as PostgreSQL writes a uuid. */
export function uuidOf(id: string): string | undefined {
  const hex = bytesOfId(id)?.toString('hex')
  return hex?.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** The id of these 16 bytes, given as PostgreSQL writes a uuid. */
export function idOfUuid(prefix: string, uuid: string): string {
  return `${prefix}_${base32(Buffer.from(uuid.replaceAll('-', ''), 'hex'))}`
}

/** When an id says that it was made, in milliseconds; undefined when it was not made by `createNewId`. */
export function timeOfId(id: string): number | undefined {
  return bytesOfId(id)?.readUIntBE(0, 6)
}
