import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldedId, isFromIssuer, isSamePerson, normaliseName, staffId } from './person.ts'

/** ASCII letters and digits as an East Asian keyboard writes them (Unicode Halfwidth and Fullwidth Forms). */
const widen = (text: string) =>
  text.replace(/[!-~]/g, (character) => String.fromCodePoint(character.codePointAt(0)! + 0xfee0))

/** The same name, as another hand would type it. */
const spellings: Record<string, (name: string) => string> = {
  'in capitals': (name) => name.toUpperCase(),
  'in small letters': (name) => name.toLowerCase(),
  'full-width': widen,
  'with spaces around it': (name) => ` \u3000\u00a0\t${name}\u2003 `,
  'with ideographic spaces in it': (name) => name.replaceAll(' ', '\u3000'),
  decomposed: (name) => name.normalize('NFD'),
  composed: (name) => name.normalize('NFC'),
}
const letter = fc.constantFrom(...'abcdefgmxyzABCDEFGMXYZ0189éÉüÜñÑøØłŁжЖДдλΛ'.split(''))
const name = fc
  .tuple(letter, fc.array(fc.oneof(letter, fc.constantFrom(' ', '.', '-', '_', '@')), { maxLength: 20 }), letter)
  .map(([first, middle, last]) => `${first}${middle.join('')}${last}`)

describe('a name has one spelling', () => {
  it.each(Object.entries(spellings))('%s', (_name, spell) => {
    fc.assert(
      fc.property(name, (given) => {
        expect(normaliseName(spell(given))).toBe(normaliseName(given))
      }),
    )
  })

  it('however the ways of writing it are combined', () => {
    const ways = fc.array(fc.constantFrom(...Object.values(spellings)), { maxLength: 5 })
    fc.assert(
      fc.property(name, ways, (given, some) => {
        const written = some.reduce((text, spell) => spell(text), given)
        expect(isSamePerson(`staff:${written}`, `staff:${given}`)).toBe(true)
        expect(staffId(`staff:${written}`)).toBe(staffId(`staff:${given}`))
      }),
    )
  })

  it('which is its own spelling, whatever character is in it', () => {
    const changing: string[] = []
    for (let point = 0; point < 0x20000; point++) {
      // Between letters, and before a mark that may join it.
      const written = `A${String.fromCodePoint(point)}\u0301b`
      const once = normaliseName(written)
      if (normaliseName(once) !== once) changing.push(point.toString(16))
    }
    expect(changing).toEqual([])
  })

  it('is NFKC, lower case and trimmed', () => {
    expect(normaliseName(' ＭＥＩ Ling\u3000')).toBe('mei ling')
    expect(normaliseName('Tan\u00a0Mei')).toBe('tan mei')
  })
})

it('different names stay different', () => {
  expect(isSamePerson('staff:ann', 'staff:anna')).toBe(false)
  expect(isSamePerson('staff:ann b', 'staff:annb')).toBe(false)
  expect(isSamePerson('staff:ann', 'staff:corp/ann')).toBe(false)
  expect(isSamePerson('client_a', 'client_A')).toBe(false)
})

it('the sub of a provider is kept, and compared like a name', () => {
  expect(isFromIssuer('staff:corp/Ann')).toBe(true)
  expect(staffId('staff:corp/Ann')).toBe('staff:corp/Ann')
  expect(foldedId('staff:corp/Ann')).toBe('staff:corp/ann')
  expect(isSamePerson('staff:corp/Ann', 'staff:corp/ANN')).toBe(true)
  expect(staffId('staff:Ann')).toBe('staff:ann')
  expect(staffId('client_A')).toBe('client_A')
})
