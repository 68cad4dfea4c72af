import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { createPassphrase, readPassphraseBytes } from './passphrase-bytes.ts'

// It writes many files, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-passphrase-bytes-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function read(bytes: Uint8Array) {
  const file = path.join(directory, 'root-key')
  writeFileSync(file, bytes)
  return readPassphraseBytes(file)
}

/** How a passphrase was read when it was a string: vaults of that time must open. */
function asString(bytes: Uint8Array): { passphrase: Buffer; length: number } {
  const text = Buffer.from(bytes).toString('utf8').trim()
  return { passphrase: Buffer.from(text, 'utf8'), length: text.length }
}

describe('the bytes of a passphrase', () => {
  it.each([
    ['as openssl writes it', 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ\n'],
    ['with white space of every kind around it', '\ufeff \t\r\n\u00a0\u2028\u3000pass phrase\u2003\v\f\u1680\r\n'],
    ['beyond ASCII', 'größer 🔐 als gedacht\n'],
    ['empty', ''],
    ['white space alone', ' \n\u00a0\n'],
  ])('are those of the trimmed text: %s', async (_what, text) => {
    expect(await read(Buffer.from(text))).toEqual(asString(Buffer.from(text)))
  })

  it('are those of the trimmed text, whatever the file holds', async () => {
    const spaces = fc.constantFrom(' ', '\n', '\u00a0', '\u2028', '\ufeff')
    const text = fc
      .tuple(fc.array(spaces), fc.string({ unit: 'binary' }), fc.array(spaces))
      .map((parts) => Buffer.from(parts.flat().join('')))
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, fc.uint8Array({ maxLength: 64 })), async (bytes) => {
        expect(await read(bytes)).toEqual(asString(bytes))
      }),
      { numRuns: 100 },
    )
  })

  it('are all there when the file is long', async () => {
    for (const length of [4095, 4096, 4097, 20_000]) {
      const bytes = Buffer.alloc(length, 'abcdefg')
      expect((await read(bytes)).passphrase.equals(bytes)).toBe(true)
    }
  })

  it('are in memory of their own, which can be wiped without a trace', async () => {
    const { passphrase } = await read(Buffer.from('a passphrase of its own'))
    expect(passphrase.buffer.byteLength).toBe(passphrase.length)
  })

  it('of a new passphrase are 43 letters of base64url, each time others', () => {
    const made = new Set(Array.from({ length: 100 }, () => createPassphrase().toString('latin1')))
    expect(made.size).toBe(100)
    for (const one of made) expect(one).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(new Set([...made].join('')).size).toBe(64)
  })
})
