import { createCipheriv } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { createPassphrase } from './passphrase-bytes.ts'
import { isStrongPassphrase } from './passphrase-strength.ts'

// Each phrase is estimated by a process that reads word lists, on a machine that may have much to do.
vi.setConfig({ testTimeout: 120_000 })

/** Bytes as random ones are, the same in each run. */
const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
const drawn = (length: number) => stream.update(Buffer.alloc(length))

const isStrong = (text: string) => isStrongPassphrase(Buffer.from(text))

describe('a passphrase is strong', () => {
  it('when it is 32 random bytes or more, in any of the encodings, or as the vault makes it', async () => {
    for (let count = 0; count < 5; count++) {
      const bytes = drawn(32)
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        expect(await isStrong(bytes.toString(encoding)), encoding).toBe(true)
      }
      expect(await isStrong(bytes.toString('hex').toUpperCase())).toBe(true)
      expect(await isStrong(drawn(48).toString('base64'))).toBe(true)
      expect(await isStrong(createPassphrase().toString())).toBe(true)
    }
  })

  it.each([
    ['8 words that dice have chosen', 'thimble crushable lilac state ravishing uncut freemason cranium'],
    ['without spaces', 'fretfulviraldrewdrumarmbandmortuarypulsatevirtual'],
  ])('when it is %s', async (_what, text) => expect(await isStrong(text)).toBe(true))
})

describe('a passphrase is not strong', () => {
  it.each([
    ['20 equal letters', 'a'.repeat(20)],
    ['64 equal letters, which are hexadecimal', 'a'.repeat(64)],
    ['32 zero bytes in base64', Buffer.alloc(32).toString('base64')],
    ['hexadecimal that counts', '0123456789abcdef'.repeat(4)],
    ['base64 that counts', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'],
    ['a walk over the keyboard', 'qwertyuiop[]asdfghjkl;zxcvbnm,./1234567890-='],
    ['a walk in columns, with shift', '!QAZ2wsx#EDC4rfv%TGB6yhn&UJM8ik,(OL.0p;/'],
    ['one word again and again', 'horse horse horse horse horse horse horse horse'],
    ['one word again and again with a number', 'horse1horse2horse3horse4horse5horse6horse7horse8'],
    ['four words', 'correct horse battery staple'],
  ])('when it is %s', async (_what, text) => expect(await isStrong(text)).toBe(false))
})
