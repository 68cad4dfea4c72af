import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInput } from '../values/parse-input.ts'
import { createKinds, normaliseSearchValue } from './kinds.ts'

const kind = createKinds(() => new Date('2026-11-24T10:00:00Z')).card

const VALID = [
  '4242424242424242',
  '5555555555554444',
  '378282246310005',
  '30569309025904',
  '6011111111111117',
  '3566002020360505',
  '6205500000000000004',
  '676770002001',
]

const card = (members: object = {}) => ({ number: '4242424242424242', exp_month: 12, exp_year: 2031, ...members })
const parse = (members: object = {}) => parseInput(kind.schema, card(members))
const refusal = (code: string, pointer: string) =>
  expect.objectContaining({ code, errors: [expect.objectContaining({ pointer })] })

describe('a card number', () => {
  it.each(VALID)('may be %s', (number) => {
    expect(parse({ number }).number).toBe(number)
  })

  it.each([
    ['a wrong check digit', '4242424242424241'],
    ['11 digits', '67677000209'],
    ['12 digits of Visa', '424242424242'],
    ['13 digits of Visa', '4222222222222'],
    ['12 digits of no known brand', '999999999991'],
    ['20 digits', '42424242424242424242'],
    ['zeros', '0000000000000000'],
    ['one digit repeated', '8888888888888888'],
    ['a dash before', '-4242424242424242'],
    ['a NUL', '4242424242424242\u0000'],
    ['letters', '4242a42424242424'],
    ['dots', '4242.4242.4242.4242'],
    ['circled digits', '④②④②④②④②④②④②④②④②'],
    ['a plus', '+4242424242424242'],
    ['a Mastercard number with a wrong check digit', '5555555555554440'],
    ['nothing', ''],
    ['1 MB of digits', '4'.repeat(1_000_000)],
  ])('is refused with %s', (_, number) => {
    expect(() => parse({ number })).toThrow(refusal('invalid-card-number', '#/number'))
  })

  it.each([[4242424242424242], [['4242424242424242']], [{ value: '4242424242424242' }], [null], [undefined], [true]])(
    'is refused as %j',
    (number) => {
      expect(() => parse({ number })).toThrow(refusal('invalid-input', '#/number'))
    },
  )

  it('of an unknown brand needs 13 digits', () => {
    const details = parse({ number: '9999999999992' })
    expect(kind.display(details)).toMatchObject({ brand: 'unknown', last4: '9992' })
  })

  it('parses to the same digits whatever single spaces and dashes stand between them', () => {
    const written = fc
      .constantFrom(...VALID)
      .chain((number) =>
        fc
          .array(fc.constantFrom('', ' ', '-'), { minLength: number.length - 1, maxLength: number.length - 1 })
          .map((gaps) => ({ number, text: [...number].map((digit, i) => digit + (gaps[i] ?? '')).join('') })),
      )
    fc.assert(
      fc.property(written, ({ number, text }) => {
        expect(parse({ number: text }).number).toBe(number)
      }),
    )
  })

  it('is refused when one digit of it is mistyped', () => {
    const mistyped = fc
      .tuple(fc.constantFrom(...VALID), fc.nat(18), fc.integer({ min: 1, max: 9 }))
      .map(([number, at, by]) => {
        const i = at % number.length
        return number.slice(0, i) + ((Number(number[i]) + by) % 10) + number.slice(i + 1)
      })
    fc.assert(
      fc.property(mistyped, (number) => {
        // UnionPay's need no check digit, so a digit that makes it theirs is not noticed.
        fc.pre(!/^(62|81)/.test(number))
        expect(() => parse({ number })).toThrow(refusal('invalid-card-number', '#/number'))
      }),
    )
  })

  it('is quoted by no refusal', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789 '), minLength: 5 }), (number) => {
        const result = kind.schema.safeParse(card({ number }))
        fc.pre(!result.success)
        expect(result.error?.issues.map((issue) => issue.message).join()).not.toContain(number)
      }),
    )
  })
})

describe('the number of a brand', () => {
  it('of UnionPay needs no check digit', () => {
    const details = parse({ number: '6240008631401147' })
    expect(kind.display(details)).toMatchObject({ brand: 'unionpay', last4: '1147' })
    expect(normaliseSearchValue('card_number', '6240 0086 3140 1147')).toEqual(['6240008631401147'])
  })

  it.each([
    ['6070001234567891', 'rupay'],
    ['6521501234567895', 'rupay'],
    ['6500021234567891', 'verve'],
    ['3841001234567890', 'hipercard'],
    ['30951234567899', 'diners'],
    ['5085001234567890123', 'maestro'],
  ])('%s is of %s', (digits, brand) => {
    const number = [...'0123456789']
      .map((last) => digits.slice(0, -1) + last)
      .find((one) => kind.schema.safeParse(card({ number: one })).success)
    expect(kind.display(parse({ number }))).toMatchObject({ brand })
  })
})

describe('the expiry', () => {
  it('lasts until its month is over everywhere', () => {
    const at = (now: string) => createKinds(() => new Date(now)).card.schema
    const november = card({ exp_month: 11, exp_year: 2026 })
    expect(at('2026-12-01T11:59:59.999Z').safeParse(november).success).toBe(true)
    expect(() => parseInput(at('2026-12-01T12:00:00.000Z'), november)).toThrow(refusal('card-expired', '#/exp_year'))
    const december = card({ exp_month: 12, exp_year: 2026 })
    expect(at('2027-01-01T11:59:59.999Z').safeParse(december).success).toBe(true)
    expect(() => parseInput(at('2027-01-01T12:00:00.000Z'), december)).toThrow(refusal('card-expired', '#/exp_year'))
  })

  it.each([
    ['exp_month', 0],
    ['exp_month', 13],
    ['exp_month', 1.5],
    ['exp_month', '12'],
    ['exp_month', null],
    ['exp_year', 31],
    ['exp_year', 1999],
    ['exp_year', 2100],
    ['exp_year', 2077],
    ['exp_year', '2031'],
    ['exp_year', Number.NaN],
  ])('is refused with %s %j', (member, value) => {
    expect(() => parse({ [member]: value })).toThrow(refusal('invalid-input', `#/${member}`))
  })

  it('may lie 50 years ahead', () => {
    expect(parse({ exp_year: 2076 }).exp_year).toBe(2076)
  })
})

describe('the members', () => {
  it.each(['cvc', 'cvv', 'security_code', 'track2', 'pin'])('never include %s', (member) => {
    expect(() => parse({ [member]: '123' })).toThrow(refusal('sensitive-authentication-data', '#'))
  })

  it.each(['__proto__', 'constructor', 'brand', 'token'])('do not include %s', (member) => {
    const input = JSON.parse(`{"number":"4242424242424242","exp_month":12,"exp_year":2031,"${member}":{"a":1}}`)
    expect(() => parseInput(kind.schema, input)).toThrow(refusal('unknown-member', '#'))
  })

  it('may have a holder name, which hides no card number', () => {
    expect(parse({ holder_name: "Siobhán O'Brien" }).holder_name).toBe("Siobhán O'Brien")
    expect(() => parse({ holder_name: '4242-4242-4242-4242' })).toThrow(refusal('card-number-in-text', '#/holder_name'))
  })
})

describe('the display part', () => {
  it('is brand, last four, expiry and the first six digits', () => {
    expect(kind.display(parse())).toEqual({
      brand: 'visa',
      last4: '4242',
      exp_month: 12,
      exp_year: 2031,
      bin: '424242',
    })
  })

  it.each(VALID)('shows at most ten of the digits and hides at least five: %s', (number) => {
    const { bin, last4 } = kind.display(parse({ number }))
    const shown = `${bin ?? ''}${last4}`.length
    expect(shown).toBeLessThanOrEqual(10)
    expect(number.length - shown).toBeGreaterThanOrEqual(5)
  })

  it('holds neither the holder name nor any other run of the digits', () => {
    const display = kind.display(parse({ number: '5555 5555 5555 4444', holder_name: 'Tan Mei Ling' }))
    expect(JSON.stringify(display)).not.toMatch(/Tan|\d{7}/)
  })

  it('is masked without the first digits unless they are granted', () => {
    const display = kind.display(parse())
    expect(kind.mask(display, { bin: false })).toEqual({ brand: 'visa', last4: '4242', exp_month: 12, exp_year: 2031 })
    expect(kind.mask(display, { bin: true })).toEqual(display)
  })
})

describe('a correction', () => {
  it('is of the expiry, both members or one', () => {
    const change = parseInput(kind.correction, { exp_month: 1, exp_year: 2032 })
    expect(kind.correct(parse({ holder_name: 'Tan' }), change)).toEqual({
      number: '4242424242424242',
      exp_month: 1,
      exp_year: 2032,
      holder_name: 'Tan',
    })
    const month = parseInput(kind.correction, { exp_month: 1 })
    expect(kind.correct(parse({}), month)).toMatchObject({ exp_month: 1, exp_year: parse({}).exp_year })
  })

  it.each([
    ['unknown-member', '#', { number: '5555555555554444' }],
    ['unknown-member', '#', { holder_name: 'Tan' }],
    ['invalid-input', '#/exp_month', { exp_month: null }],
  ])('is refused as %s at %s: %j', (code, pointer, members) => {
    const change = { exp_month: 1, exp_year: 2032, ...members }
    expect(() => parseInput(kind.correction, change)).toThrow(refusal(code, pointer))
  })
})

describe('the search terms', () => {
  it('are the digits, however they are written', () => {
    expect(kind.terms(parse({ number: '4242-4242-4242-4242' }))).toEqual([
      { type: 'card_number', value: '4242424242424242' },
    ])
    expect(normaliseSearchValue('card_number', '4242 4242 4242 4242')).toEqual(['4242424242424242'])
  })

  it('can be no other value', () => {
    expect(normaliseSearchValue('card_number', '4242424242424241')).toEqual([])
    expect(normaliseSearchValue('email', '4242424242424242')).toEqual([])
  })
})

describe('a pasted number', () => {
  it.each([
    ' 4242424242424242',
    '4242  4242  4242  4242',
    '4242\u00A04242\u00A04242\u00A04242 ',
    '4242 - 4242 - 4242 - 4242',
    '4242    4242    4242    4242',
    '4242424242424242\n',
    '4242\t4242\t4242\t4242',
    '４２４２４２４２４２４２４２４２',
    '٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢',
    '4242\u20134242\u20134242\u20134242',
    '4242\u30004242\u30004242\u30004242',
    '4242\u30FC4242\uFF704242\u25004242',
    '4242\u22124242\u20104242\u20114242',
    '4242\u200B4242\u200B4242\u200B4242',
    '\uFEFF4242424242424242',
    '\u202D4242 4242 4242 4242\u202C',
    '4242424242424242\u200E',
  ])('is taken with its spaces and dashes: %j', (number) => {
    expect(parse({ number })).toMatchObject({ number: '4242424242424242' })
  })
})
