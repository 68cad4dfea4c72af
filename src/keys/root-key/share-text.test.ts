import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatShare, parseShare, type Share } from './share-text.ts'

const base32 = fc.constantFrom(...'0123456789abcdefghjkmnpqrstvwxyz')
const shares: fc.Arbitrary<Share> = fc.record({
  number: fc.integer({ min: 1, max: 10 }),
  ceremony: fc.array(base32, { minLength: 8, maxLength: 8 }).map((characters) => characters.join('')),
  bytes: fc.uint8Array({ minLength: 33, maxLength: 33 }).map((bytes) => Buffer.from(bytes)),
})

describe('a share as text', () => {
  it('reads back as the share it was made of', () => {
    fc.assert(
      fc.property(shares, (share) => {
        expect(parseShare(formatShare(share))).toEqual(share)
      }),
    )
  })

  it('says which share of which ceremony it is', () => {
    const share = { number: 2, ceremony: 'k3v9m0az', bytes: Buffer.alloc(33, 0xab) }
    expect(formatShare(share)).toMatch(/^strongroom-share-2-k3v9m0az-([0-9a-z]{6}-){9}[0-9a-z]{4}$/)
  })

  it('may be typed in capitals, with spaces, without dashes, and with the letters that look like digits', () => {
    fc.assert(
      fc.property(shares, (share) => {
        const text = formatShare(share)
        const typed = text.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O').replaceAll('1', 'l')
        expect(parseShare(` ${typed}\n`)).toEqual(share)
        expect(parseShare(text.replaceAll('-', ''))).toEqual(share)
      }),
    )
  })

  it('is refused when one character is another', () => {
    const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
    fc.assert(
      fc.property(shares, fc.nat(), fc.integer({ min: 1, max: 31 }), (share, place, step) => {
        const text = formatShare(share)
        const start = 'strongroom-share-'.length
        const places = [...Array(text.length).keys()].filter((at) => at >= start && text[at] !== '-')
        const at = places[place % places.length]!
        const other = alphabet[(alphabet.indexOf(text[at]!) + step) % alphabet.length]
        expect(parseShare(text.slice(0, at) + other + text.slice(at + 1))).toBeUndefined()
      }),
    )
  })

  it('is refused when it is cut, doubled, or nothing of the kind', () => {
    const text = formatShare({ number: 10, ceremony: '00000000', bytes: Buffer.alloc(33, 7) })
    for (let length = 0; length < text.length; length += 1) expect(parseShare(text.slice(0, length))).toBeUndefined()
    for (const other of [
      text + text,
      `${text}0`,
      text.replace('share', 'token'),
      '',
      'strongroom-share-',
      'u'.repeat(90),
    ]) {
      expect(parseShare(other)).toBeUndefined()
    }
  })
})
