import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** A value that must be found nowhere. */
export interface Secret {
  /** What it is, for the report: the value itself must not be in one. */
  name: string
  value: string
  /** Few enough are possible that a plain digest gives it away, so digests are looked for as well. */
  isCardNumber?: true
}

interface Needle {
  name: string
  bytes: Uint8Array
  /** Ten decimal digits or fewer are found by chance among hexadecimal ones. */
  isFewDigits: boolean
}

/** Shorter ones would be found by chance. */
const MIN_BYTES = 8
const DIGESTS = ['md5', 'sha1', 'sha256', 'sha512'] as const

/** Every form in which a secret could lie on a disk or in a log, by what the form is called. */
export function formsOf({ value, isCardNumber }: Secret): [form: string, bytes: Buffer][] {
  if (!isCardNumber) return encodingsOf('', value)
  const digests = DIGESTS.flatMap((algorithm): [string, Buffer][] => {
    const digest = createHash(algorithm).update(value).digest()
    return [[algorithm, digest], ...spellingsOf(`${algorithm} in `, digest)]
  })
  return [
    ...encodingsOf('', value),
    ...encodingsOf('with spaces, ', value.replace(/(.{4})(?=.)/g, '$1 ')),
    ...encodingsOf('with dashes, ', value.replace(/(.{4})(?=.)/g, '$1-')),
    ['packed decimal', Buffer.from(value.padEnd(16, 'f'), 'hex')],
    ...digests,
  ]
}

function encodingsOf(prefix: string, value: string): [string, Buffer][] {
  const raw = Buffer.from(value, 'utf8')
  const wide = Buffer.from(value, 'utf16le')
  return [
    [`${prefix}as it is`, raw],
    [`${prefix}in lower case`, Buffer.from(value.toLowerCase(), 'utf8')],
    [`${prefix}in upper case`, Buffer.from(value.toUpperCase(), 'utf8')],
    [`${prefix}reversed`, Buffer.from([...value].reverse().join(''), 'utf8')],
    [`${prefix}UTF-16LE`, wide],
    [`${prefix}UTF-16BE`, Buffer.from(wide).swap16()],
    [`${prefix}percent-encoded`, Buffer.from(encodeURIComponent(value), 'utf8')],
    ...spellingsOf(prefix, raw),
  ]
}

function spellingsOf(prefix: string, bytes: Buffer): [string, Buffer][] {
  const hex = bytes.toString('hex')
  return [
    [`${prefix}hex`, Buffer.from(hex)],
    [`${prefix}HEX`, Buffer.from(hex.toUpperCase())],
    ...[0, 1, 2].flatMap((offset): [string, Buffer][] => [
      [`${prefix}base64 at ${offset}`, Buffer.from(base64Within(bytes, offset, 'base64'))],
      [`${prefix}base64url at ${offset}`, Buffer.from(base64Within(bytes, offset, 'base64url'))],
    ]),
  ]
}

/** The characters that depend only on the value, if so many bytes (modulo 3) precede it. */
function base64Within(bytes: Buffer, offset: number, encoding: 'base64' | 'base64url'): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding)
  return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
}

/** Looks for all forms of many secrets at once, in one pass over the bytes. */
export class LeakScanner {
  /** By their first four bytes. */
  readonly #needles = new Map<number, Needle[]>()
  /** Whether a needle starts with these two bytes: most positions need no further look. */
  readonly #starts = new Uint8Array(1 << 16)

  constructor(secrets: readonly Secret[]) {
    for (const secret of secrets) {
      for (const [form, bytes] of formsOf(secret)) {
        if (bytes.length < MIN_BYTES) throw new Error(`${secret.name} ${form} is too short to be looked for`)
        this.#starts[bytes[0]! | (bytes[1]! << 8)] = 1
        const key = firstFour(bytes, 0)
        const needles = this.#needles.get(key) ?? []
        needles.push({
          name: `${secret.name} ${form}`,
          bytes,
          isFewDigits: /^\d{1,10}$/.test(bytes.toString('latin1')),
        })
        this.#needles.set(key, needles)
      }
    }
  }

  /** Answers with what was found, by name. */
  scan(bytes: Uint8Array): string[] {
    const found = new Set<string>()
    for (let at = 0; at + MIN_BYTES <= bytes.length; at += 1) {
      if (this.#starts[bytes[at]! | (bytes[at + 1]! << 8)] === 0) continue
      for (const needle of this.#needles.get(firstFour(bytes, at)) ?? []) {
        if (!startsAt(bytes, at, needle.bytes)) continue
        const isWithinHex = isHexDigit(bytes[at - 1]) && isHexDigit(bytes[at + needle.bytes.length])
        if (!needle.isFewDigits || !isWithinHex) found.add(needle.name)
      }
    }
    return [...found]
  }

  scanText(text: string): string[] {
    return this.scan(Buffer.from(text, 'utf8'))
  }

  /** Scans every file under the directory; answers with one line for each find, and with how much was looked at. */
  scanDirectory(directory: string): { finds: string[]; files: string[]; bytes: number } {
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
    const contents = files.map((file) => readFileSync(file))
    return {
      finds: contents.flatMap((bytes, at) =>
        this.scan(bytes).map((name) => `${path.relative(directory, files[at]!)}: ${name}`),
      ),
      files: files.map((file) => path.relative(directory, file)),
      bytes: contents.reduce((sum, { length }) => sum + length, 0),
    }
  }
}

function firstFour(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function startsAt(bytes: Uint8Array, at: number, needle: Uint8Array): boolean {
  if (at + needle.length > bytes.length) return false
  for (let offset = 4; offset < needle.length; offset += 1) {
    if (bytes[at + offset] !== needle[offset]) return false
  }
  return true
}

/** Whether a byte is one of the characters `0` to `9` and `a` to `f`. */
function isHexDigit(byte: number | undefined): boolean {
  return byte !== undefined && /[0-9a-f]/.test(String.fromCharCode(byte))
}
