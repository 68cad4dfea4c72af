import { isUtf8 } from 'node:buffer'
import { randomFillSync } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { isRandomlyEncoded } from './passphrase-shape.ts'

/** base64url, each of whose letters represents six bits. */
const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 'latin1')
/** 258 bits. Argon2id is there only for a passphrase that a person chose. */
const NEW_LETTERS = 43

/** What `String.prototype.trim` removes, in UTF-8. */
const WHITE_SPACE = [
  ...'\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff',
].map((character) => Buffer.from(character, 'utf8'))

const FIRST_BYTES = 4096

/**
 * The passphrase in a file, without white space around it, and its length in UTF-16 code units. It is never a string,
 * because a string cannot be wiped. Its bytes are in memory of their own, and the caller wipes them. (A file that is
 * not UTF-8 is read as it always was, through a string with replacement characters.)
 *
 * @throws {Error} of the file system
 */
export async function readPassphraseBytes(file: string): Promise<{ passphrase: Buffer<ArrayBuffer>; length: number }> {
  const handle = await open(file, 'r')
  try {
    const read = await readAll(handle)
    const trimmed = isUtf8(read) ? trim(read) : Buffer.from(read.toString('utf8').trim(), 'utf8')
    const passphrase = allocate(trimmed.length)
    passphrase.set(trimmed)
    for (const bytes of [read, trimmed]) bytes.fill(0)
    return { passphrase, length: codeUnits(passphrase) }
  } finally {
    await handle.close()
  }
}

/**
 * A new passphrase from the operating system's randomness. One that could be taken for words is drawn again, or it might be refused
 * later. The caller wipes it.
 */
export function createPassphrase(): Buffer {
  for (;;) {
    const letters = randomFillSync(allocate(NEW_LETTERS))
    for (const [at, byte] of letters.entries()) letters[at] = ALPHABET[byte & 0x3f]!
    if (isRandomlyEncoded(letters)) return letters
  }
}

/** V8 may copy small buffers in its own heap and does not wipe them. These buffers are outside of it. */
function allocate(length: number): Buffer<ArrayBuffer> {
  return Buffer.from(new ArrayBuffer(length))
}

/** Reads to the end, straight into the vault's own buffer. A pipe does not say how much there is. */
async function readAll(handle: FileHandle): Promise<Buffer> {
  let buffer = allocate(FIRST_BYTES)
  for (let length = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null)
    length += bytesRead
    if (bytesRead === 0) return buffer.subarray(0, length)
    if (length < buffer.length) continue
    const larger = allocate(2 * buffer.length)
    larger.set(buffer)
    buffer.fill(0)
    buffer = larger
  }
}

function trim(bytes: Buffer): Buffer {
  let rest = bytes
  for (;;) {
    const first = WHITE_SPACE.find((space) => rest.subarray(0, space.length).equals(space))
    if (first === undefined) break
    rest = rest.subarray(first.length)
  }
  for (;;) {
    const last = WHITE_SPACE.find((space) => rest.subarray(Math.max(0, rest.length - space.length)).equals(space))
    if (last === undefined) return rest
    rest = rest.subarray(0, rest.length - last.length)
  }
}

/** As many as the string would have: two for what UTF-8 writes in four bytes, one for everything else. */
function codeUnits(bytes: Buffer): number {
  let units = 0
  for (const byte of bytes) if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1
  return units
}
