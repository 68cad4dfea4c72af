import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cpuTime } from '../../test/support/cpu-time.ts'
import { holdsCardNumber } from './card-number.ts'

const NUMBERS = ['4242424242424242', '5555555555554444', '378282246310005', '3566002020360505', '6011111111111117']
const aNumber = fc.constantFrom(...NUMBERS)

const withDigitsFrom = (number: string, zero: number) =>
  number.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)))
const inFours = (number: string, separator: string) => number.replace(/....(?=.)/g, `$&${separator}`)

describe('a card number in a text', () => {
  it.each([
    ['bare', '4242424242424242'],
    ['within a sentence', 'Call me, my card is 4242 4242 4242 4242, thanks'],
    ['glued to letters', 'card4242424242424242x'],
    ['with dashes and spaces around them', '4242 - 4242 - 4242 - 4242'],
    ['with several spaces', '4242  4242   4242 4242'],
    ['with dots', '4242.4242.4242.4242'],
    ['with slashes', '4242/4242/4242/4242'],
    ['with another dash', '4242–4242–4242–4242'],
    ['with wide spaces', '4242\u30004242\u30004242\u30004242'],
    ['with a group on each line', '4242\n4242\n4242\n4242'],
    ['fullwidth', '４２４２４２４２４２４２４２４２'],
    ['Arabic-Indic', '٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢'],
    ['mathematical bold', '𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐'],
    ['circled', '④②④②④②④②④②④②④②④②'],
    ['keycap emoji', [...'4242424242424242'].map((digit) => `${digit}\uFE0F\u20E3`).join('')],
    ['behind combining marks', [...'4242424242424242'].join('\u0301\u0302\u0303\u0304')],
    ['around zero-width spaces', '4242\u200B4242\u200B4242\u200B4242'],
    ['of American Express', 'amex 378282246310005'],
    ['as American Express prints it', '3782 822463 10005'],
    ['as Diners Club prints it', '3056 930902 5904'],
    ['of 19 digits, as UnionPay prints it', '620550 0000000000004'],
    ['of 19 digits in fours', '6205 5000 0000 0000 004'],
    ['of 13 digits, as Maestro prints it', '6759 0000 00005'],
    ['after a word with a digit', 'no 1 4242 4242 4242 4242'],
    ['before its expiry', '4242 4242 4242 4242 12/31'],
    ['before its expiry and code', '4242 4242 4242 4242 1231 123'],
    ['track 2', ';4242424242424242=31121011000012345678?'],
    ['track 1', '%B4242424242424242^TAN/MEI LING^3112101?'],
  ])('is found %s', (_, text) => {
    expect(holdsCardNumber(text)).toBe(true)
  })

  it('is found in every script, with every separator, between other words', () => {
    const zeros = fc.constantFrom(0x30, 0xff10, 0x660, 0x6f0, 0x966, 0xe50, 0x1d7ce, 0x1fbf0)
    const separator = fc.constantFrom('', ' ', '  ', '-', ' - ', '.', '/', '\u2013', '\u00A0', '\n', '\u2009', '·')
    const before = fc.constantFrom('', 'no. ', 'x', 'Karte:', 'card ', '(', '卡号')
    const numbers = fc.constantFrom(...NUMBERS.filter(({ length }) => length === 16))
    fc.assert(
      fc.property(numbers, zeros, separator, before, before, (number, zero, gap, start, end) => {
        expect(holdsCardNumber(start + withDigitsFrom(inFours(number, gap), zero) + end)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('no card number', () => {
  it.each([
    ['a wrong check digit', '4242424242424241'],
    ['no named scheme', '9999999999999995'],
    ['a prefix of the catch-all range alone', '6027440064258004'],
    ['a length that the scheme does not have', '424242424242420'],
    ['13 digits, unbroken', '6759000000005'],
    ['14 digits, unbroken', '30569309025904'],
    ['19 digits, unbroken', '6205500000000000004'],
    ['a piece of a longer run', '004242424242424242429'],
    ['a piece of a chain of fours', '6123 4567 4242 4242 4242 4242'],
    ['groups that no card has', '42424242-4242-4242'],
    ['different separators', '4242-4242 4242-4242'],
    ['a comma', '4242, 4242, 4242, 4242'],
    ['letters between the digits', '4242 4242 and 4242 4242'],
    ['two telephone numbers', 'Call 07878146060, 07365456166'],
    ['a telephone number and a unit', '+65 9324 0724 #12-016'],
    ['a date and a time', 'Deliver 2026-08-05 08:08:15'],
    ['two dates', 'between 2026-11-30 and 2026-12-04'],
    ['opening hours', 'Mon-Fri 09:00-18:30, Sat 10:00-14:00'],
    ['coordinates', '1.352083, 103.819836'],
    ['a South African identity number', 'Recipient ID 8001015009087'],
    ['an IMEI', 'Collect old phone, IMEI 490154203237518'],
    ['a CNPJ', 'CNPJ 12.345.678/0001-95'],
    ['a GLN', 'GLN 4012345000009'],
    ['milliseconds', '1763620000000'],
    ['an ICCID', '8944110068701234567'],
    ['a Finnish IBAN', 'FI21 1234 5600 0007 85'],
    ['an IBAN of digits that would be a card number', 'pay to DK4642424242424242'],
    ['an IBAN that is glued to its name', 'IBANDK4642424242424242'],
    ['an order number of a shop', 'gid://shopify/Customer/6027440064258'],
    ['a Singapore address', 'Blk 123 Ang Mo Kio Ave 3 #04-56 Singapore 560123'],
    ['no digits', "Robert'); DROP TABLE records;--"],
    ['nothing', ''],
  ])('is %s', (_, text) => {
    expect(holdsCardNumber(text)).toBe(false)
  })

  it('is hidden by something that only looks like an IBAN', () => {
    expect(holdsCardNumber('GB82 4242 4242 4242 4242')).toBe(true)
    expect(holdsCardNumber('DK00 4242424242424242')).toBe(true)
  })

  it('is a UUID, a time or a hexadecimal identifier', () => {
    const time = fc.date({ noInvalidDate: true, min: new Date('1970-01-01'), max: new Date('2200-01-01') })
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uuid(),
          time.map((date) => date.toISOString()),
        ),
        (id) => {
          expect(holdsCardNumber(id, { besideLetters: false })).toBe(false)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('digits beside letters', () => {
  it.each(['cus4242424242424242', 'c4242-4242-4242-4242', '4242424242424242z', 'K4242 4242 4242 4242'])(
    'are no evidence in an identifier: %s',
    (text) => {
      expect(holdsCardNumber(text, { besideLetters: false })).toBe(false)
      expect(holdsCardNumber(text)).toBe(true)
    },
  )

  it.each(['4242424242424242', 'cus_4242424242424242', '/v1/tokens/4242424242424242', 'x 4242-4242-4242-4242'])(
    'are not those of %s',
    (text) => {
      expect(holdsCardNumber(text, { besideLetters: false })).toBe(true)
    },
  )
})

it('finds every test number by itself', () => {
  fc.assert(
    fc.property(aNumber, fc.constantFrom(' ', '/', '_', ':', '?', '"'), (number, edge) => {
      expect(holdsCardNumber(`key${edge}${number}${edge}end`)).toBe(true)
    }),
  )
})

/** The bound is far above what a linear search takes, and far below what a quadratic one would. */
it.each([
  ['one digit', '7'.repeat(200_000)],
  ['digits and separators', '7 - '.repeat(50_000)],
  ['groups of four', '4242 '.repeat(40_000)],
  ['separators', `7${' '.repeat(200_000)}`],
  ['combining marks', `7${'\u0301'.repeat(200_000)}`],
  ['beginnings of IBANs', 'DK46 '.repeat(40_000)],
])('takes time in proportion to a long text of %s', (_, text) => {
  const start = cpuTime()
  holdsCardNumber(text)
  expect(cpuTime() - start).toBeLessThan(2_000)
})
