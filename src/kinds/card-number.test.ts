import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hidesCardNumber, looksLikeCardNumber } from './card-number.ts'

const NUMBERS = ['4242424242424242', '5555555555554444', '378282246310005', '30569309025904', '6205500000000000004']
const aNumber = fc.constantFrom(...NUMBERS)

const withDigitsFrom = (number: string, zero: number) =>
  number.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)))

describe('hidesCardNumber', () => {
  it.each([
    ['bare', '4242424242424242'],
    ['within a sentence', 'Call me, my card is 4242 4242 4242 4242, thanks'],
    ['glued to letters', 'card4242424242424242x'],
    ['with dashes and spaces around them', '4242 - 4242 - 4242 - 4242'],
    ['with one digit on a line', [...'4242424242424242'].join('\n')],
    ['fullwidth', '４２４２４２４２４２４２４２４２'],
    ['Arabic-Indic', '٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢'],
    ['mathematical bold', '𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐'],
    ['circled', '④②④②④②④②④②④②④②④②'],
    ['keycap emoji', [...'4242424242424242'].map((digit) => `${digit}\uFE0F\u20E3`).join('')],
    ['behind combining marks', [...'4242424242424242'].join('\u0301\u0302\u0303\u0304')],
    ['of 13 digits at the end of a longer run', '00000000006759000000005'],
    ['inside a longer run', '004242424242424242429'],
    ['of 13 digits and no known brand', '9999999999992'],
    ['an Amex number after a plus', '+378282246310005'],
    ['after a telephone number', '+65 6123 4567 4242424242424242'],
  ])('finds a number %s', (_, text) => {
    expect(hidesCardNumber(text)).toBe(true)
  })

  it.each([
    ['a wrong check digit', '4242424242424241'],
    ['12 digits', '676770002001'],
    ['letters between the digits', '4242 4242 and 4242 4242'],
    ['a Singapore address', 'Blk 123 Ang Mo Kio Ave 3 #04-56 Singapore 560123'],
    ['a telephone number', 'ring +65 6123 4567'],
    ['a telephone number that passes the check of a card number', 'ring +62 812 3456 7899 first'],
    ['no digits', "Robert'); DROP TABLE records;--"],
    ['nothing', ''],
  ])('leaves %s alone', (_, text) => {
    expect(hidesCardNumber(text)).toBe(false)
  })

  it('would find the telephone number above without its plus', () => {
    expect(hidesCardNumber('ring 62 812 3456 7899 first')).toBe(true)
  })

  it('finds a number under any script, separators and zero-width characters', () => {
    const zeros = fc.constantFrom(0x30, 0xff10, 0x660, 0x6f0, 0x966, 0xe50, 0x1d7ce, 0x1fbf0)
    const separator = fc.string({ unit: fc.constantFrom(...' -./_,\t\n\u00A0\u2009•'), maxLength: 2 })
    const invisible = fc.string({ unit: fc.constantFrom(...'\u200B\u200C\u200D\u2060\uFEFF\u00AD\u034F\u0301') })
    const between = fc.tuple(separator, invisible).map((parts) => parts.join(''))
    const disguised = fc
      .tuple(aNumber, zeros, fc.array(between, { minLength: 19, maxLength: 19 }))
      .map(([number, zero, gaps]) => [...number].map((d, i) => withDigitsFrom(d, zero) + gaps[i]).join(''))
    fc.assert(
      fc.property(disguised, fc.constantFrom('', 'no. ', 'x'), (text, before) => {
        expect(hidesCardNumber(before + text)).toBe(true)
      }),
    )
  })

  it('finds a number between any other digits', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 40 })
    fc.assert(
      fc.property(digits, aNumber, digits, (a, number, b) => {
        expect(hidesCardNumber(a + number + b)).toBe(true)
      }),
    )
  })

  it.each([
    ['one digit', '7'.repeat(200_000)],
    ['digits and separators', '7 - '.repeat(50_000)],
    ['separators', `7${' '.repeat(200_000)}`],
    ['combining marks', `7${'\u0301'.repeat(200_000)}`],
  ])('takes time in proportion to a long text of %s', (_, text) => {
    const start = performance.now()
    hidesCardNumber(text)
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})

describe('looksLikeCardNumber', () => {
  it.each([
    ['bare', '4242424242424242'],
    ['in a path', '/v1/tokens/4242424242424242'],
    ['in groups', 'order 4242-4242-4242-4242'],
    ['in groups after others', '2026 11 4242 4242 4242 4242 99'],
    ['in the groups of an Amex card', '3782 822463 10005'],
    ['in groups of four and a rest', '6205 5000 0000 0000 004'],
    ['after an underscore', 'cus_4242424242424242'],
    ['in Arabic-Indic digits', '٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢'],
    ['around zero-width spaces', '4242\u200B424242424242'],
  ])('finds a number %s', (_, text) => {
    expect(looksLikeCardNumber(text)).toBe(true)
  })

  it.each([
    ['a wrong check digit', '4242424242424241'],
    ['no known brand', '9999999999999995'],
    ['the wrong length for the brand', '4242424242422'],
    ['letters next to it', 'a4242424242424242'],
    ['digits next to it', '14242424242424242'],
    ['groups as no card has them', '42424242-4242-4242'],
    ['groups with different separators', '4242-4242 4242-4242'],
    ['groups far apart', '4242 - 4242 - 4242 - 4242'],
    ['a UUID whose first groups are a card number', '42424242-4242-4242-8000-000000000000'],
    ['a traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ['a time in milliseconds', '1793620000000'],
    ['a user agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.6778.85 Safari/537.36'],
  ])('leaves %s alone', (_, text) => {
    expect(looksLikeCardNumber(text)).toBe(false)
  })

  it('finds every known number by itself and between other words', () => {
    fc.assert(
      fc.property(aNumber, fc.constantFrom(' ', '/', '_', ':', '?', '"'), (number, edge) => {
        expect(looksLikeCardNumber(`key${edge}${number}${edge}end`)).toBe(true)
      }),
    )
  })

  it('takes no UUID, timestamp or hexadecimal identifier for a card number', () => {
    const time = fc.date({ noInvalidDate: true, min: new Date('1970-01-01'), max: new Date('2200-01-01') })
    const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 32, maxLength: 64 })
    const identifier = fc.oneof(
      fc.uuid(),
      time.map((date) => date.toISOString()),
      hex,
    )
    fc.assert(
      fc.property(identifier, (id) => {
        expect(looksLikeCardNumber(id)).toBe(false)
      }),
      { numRuns: 2_000 },
    )
  })

  it('takes time in proportion to a long text', () => {
    const start = performance.now()
    for (const text of ['7'.repeat(200_000), '4242 '.repeat(40_000), '7-'.repeat(100_000)]) looksLikeCardNumber(text)
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})
