import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { testKey } from '../../../test/support/test-keys.ts'
import type { Field } from '../sealing/encode-fields.ts'
import { keyedHash } from './keyed-hash.ts'

const key = testKey('index')
const hash = (domain: string, parts: readonly Field[]) => keyedHash(key, domain, parts).toString('hex')
const strings = fc.array(fc.string({ maxLength: 8 }), { maxLength: 6 })

/** The text cut at those places into a domain and parts: all cuts of one text run together to the same bytes. */
function cut(text: string, places: readonly number[]): string[] {
  const characters = [...text]
  const ends = [...places.map((place) => place % (characters.length + 1)).sort((a, b) => a - b), characters.length]
  return ends.map((end, index) => characters.slice(ends[index - 1] ?? 0, end).join(''))
}

describe('keyedHash', () => {
  it('is 256 bits, and the same for the same input', () => {
    fc.assert(
      fc.property(fc.string(), strings, (domain, parts) => {
        expect(keyedHash(key, domain, parts).length).toBe(32)
        expect(hash(domain, parts)).toBe(hash(domain, parts))
      }),
    )
  })

  it('tells two lists apart that only run together to the same bytes', () => {
    const places = fc.array(fc.nat(20), { maxLength: 5 })
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), places, places, (text, first, second) => {
        const [a, b] = [cut(text, first), cut(text, second)]
        fc.pre(JSON.stringify(a) !== JSON.stringify(b))
        expect(hash(a[0]!, a.slice(1))).not.toBe(hash(b[0]!, b.slice(1)))
      }),
    )
  })

  it('tells any two different inputs apart', () => {
    fc.assert(
      fc.property(fc.string(), strings, fc.string(), strings, (domainA, a, domainB, b) => {
        fc.pre(JSON.stringify([domainA, a]) !== JSON.stringify([domainB, b]))
        expect(hash(domainA, a)).not.toBe(hash(domainB, b))
      }),
    )
  })

  it.each([
    ['a part that looks like a length and a part', 'd', ['a', 'b'], ['a\0\0\0\u0001b']],
    ['an empty part and none', 'd', [''], []],
    ['two empty parts and one', 'd', ['', ''], ['']],
    ['another order', 'd', ['a', 'b'], ['b', 'a']],
  ])('tells apart %s', (_what, domain, a, b) => {
    expect(hash(domain, a)).not.toBe(hash(domain, b))
  })

  it('knows a text from the bytes that it is written in', () => {
    const bytes = Buffer.from('Zoë €', 'utf8')
    expect(hash('d', ['Zoë €'])).not.toBe(hash('d', [bytes]))
    // Without their tag, as terms and kept answers of older versions are hashed.
    expect(hash('d', ['Zoë €'])).toBe(hash('d', [{ untagged: bytes }]))
  })

  it('is what it was before texts and bytes had tags: what is stored stays good', () => {
    const fixed = { ...key, secret: createSecretKey(Buffer.alloc(32, 7)) }
    expect(keyedHash(fixed, 'search', ['default', 'email', 'mei@example.sg']).toString('hex')).toBe(
      '9d8fafc4d2ac0d74e39102e40e41d5dbea05d9aa91ee7e116129d3007c7bab37',
    )
    expect(
      keyedHash(fixed, 'search-term', [{ untagged: Buffer.alloc(32, 9) }, 'email', 'default', 'cont_1', '1']).toString(
        'hex',
      ),
    ).toBe('b7dd8d8432a38e63f8d5cc6a89fe2a3679b08e0713202c230564d7b9c4636808')
  })

  it('refuses a text with half a surrogate pair, which others would hash to the same', () => {
    for (const text of ['a\ud800', '\udc00b', '\ud83d']) {
      expect(() => hash('d', [text])).toThrow(TypeError)
      expect(() => hash(text, [])).toThrow(TypeError)
    }
    expect(hash('d', ['💳'])).not.toBe(hash('d', ['�']))
  })

  it('is another one under another key', () => {
    expect(keyedHash(testKey('index'), 'd', ['4242424242424242']).toString('hex')).not.toBe(
      hash('d', ['4242424242424242']),
    )
  })
})
