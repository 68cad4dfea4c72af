import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { NO_INSPECTOR_SIGNAL } from '../../values/inspector-signal.ts'
import { novelPlaces } from './passphrase-novelty.ts'
import { isRandomlyEncoded } from './passphrase-shape.ts'

/** What a passphrase must be worth. 32 random bytes are 256. */
const MIN_BITS = 100

/** What one byte is worth at most: ASCII has 95 characters that are printed. */
const BITS_OF_ASCII = Math.log2(95)
const BITS_OF_BYTE = 8

/**
 * Whether the passphrase cannot be guessed: it is written as 32 random bytes or more are in base64, base64url or
 * hexadecimal, or is estimated at 100 bits or more by a process of its own. The library for the estimate needs a
 * string, which cannot be wiped. So the process ends at once, and its memory is gone. The passphrase goes there through
 * a pipe and no file, argument or log.
 *
 * @throws {Error} when the process fails; the message holds nothing of the passphrase
 */
export async function isStrongPassphrase(passphrase: Uint8Array): Promise<boolean> {
  if (isRandomlyEncoded(passphrase)) return true
  return bitsAtMost(passphrase) >= MIN_BITS && (await estimateBits(passphrase)) >= MIN_BITS
}

/**
 * Letters that repeat or follow from others count as nothing. A letter counts at most as a choice among its alphabet.
 */
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
