import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { NO_INSPECTOR_SIGNAL } from '../../inspector-signal.ts'
import { novelPlaces } from './passphrase-novelty.ts'

/** What a passphrase must be worth. 32 random bytes are 256. */
const MIN_BITS = 100

/** 32 bytes take 43 letters of base64 or base64url, or 64 of hexadecimal. */
const ENCODINGS = [
  { form: /^[A-Za-z0-9+/_-]$/, minLength: 43, minDistinct: 20, classes: [/[A-Z]/, /[a-z]/, /[0-9]/] },
  { form: /^[0-9a-fA-F]$/, minLength: 64, minDistinct: 12, classes: [/[a-fA-F]/, /[0-9]/] },
]
/** How much of random letters does not repeat, nor lie side by side. */
const MIN_NOVEL = 0.8
const PADDING = '='.charCodeAt(0)
/** What one byte is worth at most: ASCII has 95 characters that are printed. */
const BITS_OF_ASCII = Math.log2(95)
const BITS_OF_BYTE = 8

/**
 * Whether nobody guesses the passphrase: it is written as 32 random bytes or more are in base64, base64url or hexadecimal, or is
 * estimated at 100 bits at least by a process of its own. The library that estimates needs a string, which nothing can wipe:
 * that process ends at once, and its memory with it. The passphrase goes there through a pipe and no file, argument or log.
 *
 * @throws {Error} when the process fails; the message holds nothing of the passphrase
 */
export async function isStrongPassphrase(passphrase: Uint8Array): Promise<boolean> {
  if (isRandomlyEncoded(passphrase)) return true
  return bitsAtMost(passphrase) >= MIN_BITS && (await estimateBits(passphrase)) >= MIN_BITS
}

/** Looks at one letter at a time: the passphrase must not become a string in this process. */
function isRandomlyEncoded(passphrase: Uint8Array): boolean {
  const end = passphrase.findLastIndex((code) => code !== PADDING) + 1
  const letters = passphrase.subarray(0, end)
  const distinct = [...new Set(letters)].map((code) => String.fromCharCode(code))
  return (
    passphrase.length - end <= 2 &&
    novelPlaces(letters).length >= MIN_NOVEL * letters.length &&
    ENCODINGS.some(
      ({ form, minLength, minDistinct, classes }) =>
        letters.length >= minLength &&
        distinct.length >= minDistinct &&
        distinct.every((letter) => form.test(letter)) &&
        classes.every((one) => distinct.some((letter) => one.test(letter))),
    )
  )
}

/** Letters that repeat or follow from others are worth nothing, and no letter more than its choice. */
function bitsAtMost(passphrase: Uint8Array): number {
  const isAscii = passphrase.every((byte) => byte < 0x80)
  return novelPlaces(passphrase).length * (isAscii ? BITS_OF_ASCII : BITS_OF_BYTE)
}

function estimateBits(passphrase: Uint8Array): Promise<number> {
  // The sibling has our own extension: .ts when run from the sources, .js when built.
  const here = fileURLToPath(import.meta.url)
  const program = path.join(path.dirname(here), `passphrase-strength-program${path.extname(here)}`)
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [NO_INSPECTOR_SIGNAL, program], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {},
    })
    const failed = () => reject(new Error('the strength of the passphrase cannot be estimated'))
    let answer = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      answer += text
    })
    child.stdin.on('error', failed)
    child.on('error', failed)
    child.on('close', (code) => {
      const bits = Number(answer)
      if (code === 0 && answer !== '' && !Number.isNaN(bits)) resolve(bits)
      else failed()
    })
    child.stdin.end(passphrase)
  })
}
