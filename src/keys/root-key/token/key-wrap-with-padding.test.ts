import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { unwrapWithPadding, wrapWithPadding } from './key-wrap-with-padding.ts'

const blocksOf = (key: Buffer, algorithm = 'aes-256-ecb') => ({
  encrypt: (block: Buffer) => createCipheriv(algorithm, key, null).setAutoPadding(false).update(block),
  decrypt: (block: Buffer) => createDecipheriv(algorithm, key, null).setAutoPadding(false).update(block),
})

/** The same algorithm by OpenSSL. */
const byOpenssl = (key: Buffer, text: Buffer) =>
  createCipheriv('id-aes256-wrap-pad', key, Buffer.from('a65959a6', 'hex')).update(text)

const key = randomBytes(32)
const { encrypt, decrypt } = blocksOf(key)

describe('AES key wrap with padding over single blocks', () => {
  it('gives the published vector of RFC 5649 section 6', () => {
    const { encrypt } = blocksOf(Buffer.from('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8', 'hex'), 'aes-192-ecb')
    const text = Buffer.from('c37b7e6492584340bed12207808941155068f738', 'hex')
    expect(wrapWithPadding(encrypt, text).toString('hex')).toBe(
      '138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a',
    )
  })

  it('gives what OpenSSL gives, and opens it, at every padding, short and long', () => {
    for (const length of [...Array.from({ length: 32 }, (_, more) => 9 + more), 81, 97, 187, 300, 2048]) {
      const text = randomBytes(length)
      const wrapped = wrapWithPadding(encrypt, text)
      expect(wrapped).toEqual(byOpenssl(key, text))
      expect(unwrapWithPadding(decrypt, wrapped)).toEqual(text)
    }
  })

  it('opens nothing that was changed, cut, lengthened or wrapped under another key', () => {
    const wrapped = wrapWithPadding(encrypt, randomBytes(81))
    for (let at = 0; at < wrapped.length; at += 1) {
      const changed = Buffer.from(wrapped)
      changed[at]! ^= 1 << (at % 8)
      expect(unwrapWithPadding(decrypt, changed)).toBeUndefined()
    }
    const others = [wrapped.subarray(0, -8), wrapped.subarray(1), Buffer.concat([wrapped, Buffer.alloc(8)])]
    for (const other of [...others, Buffer.alloc(0), wrapped.subarray(0, 16)]) {
      expect(unwrapWithPadding(decrypt, other)).toBeUndefined()
    }
    expect(unwrapWithPadding(blocksOf(randomBytes(32)).decrypt, wrapped)).toBeUndefined()
  })

  // SP 800-38F section 6.3, KWP-AD steps 5 to 8: each must be checked separately.
  it.each([
    ['another prefix', (text: Buffer) => text.writeUInt8(0xa7, 0)],
    ['a length past its end', (text: Buffer) => text.writeUInt32BE(17, 4)],
    ['a length that leaves a whole semiblock over', (text: Buffer) => text.writeUInt32BE(8, 4)],
    ['padding that is not zero', (text: Buffer) => text.writeUInt32BE(15, 4)],
  ])('opens no text with %s', (_what, change) => {
    const header = Buffer.from('a65959a600000010', 'hex')
    const text = Buffer.concat([header, Buffer.alloc(16, 1)])
    expect(unwrapWithPadding(decrypt, wrapRaw(text))).toEqual(Buffer.alloc(16, 1))
    change(text)
    expect(unwrapWithPadding(decrypt, wrapRaw(text))).toBeUndefined()
  })

  it('does not wrap what is too short for it', () => {
    expect(() => wrapWithPadding(encrypt, Buffer.alloc(8))).toThrow(RangeError)
  })
})

/** AES-KW of a text with a header of one's own: OpenSSL takes any as the IV. */
function wrapRaw(text: Buffer): Buffer {
  return createCipheriv('id-aes256-wrap', key, text.subarray(0, 8)).update(text.subarray(8))
}
