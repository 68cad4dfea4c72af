import creditCardType from 'credit-card-type'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { brandNames, brandOf, codeDigitsOf, hasValidCheckDigit, schemesOf } from './card-brand.ts'

const ASCII_DIGIT = fc.constantFrom(...'0123456789')

describe('brandOf', () => {
  it.each([
    ['4242424242424242', 'visa'],
    ['5555555555554444', 'mastercard'],
    ['2223003122003222', 'mastercard'],
    ['378282246310005', 'amex'],
    ['6011111111111117', 'discover'],
    ['30569309025904', 'diners'],
    ['3566002020360505', 'jcb'],
    ['6200000000000005', 'unionpay'],
    ['6759649826438453', 'maestro'],
    ['2200000000000004', 'mir'],
    ['6362970000457013', 'elo'],
    ['6062826786276634', 'hipercard'],
    ['6375991234567890', 'hiper'],
    ['5061000000000000', 'verve'],
    ['9792000000000001', 'troy'],
    ['5895620000000000', 'naranja'],
  ])('names the brand of %s %s', (number, name) => {
    expect(brandOf(number)?.name).toBe(name)
  })

  it('knows no brand for a prefix that no network issues under', () => {
    expect(brandOf('9999999999999995')).toBeUndefined()
  })

  it('is one of those that credit-card-type answers, where it knows the prefix', () => {
    const prefixes = Object.values(creditCardType.types).flatMap((type) =>
      creditCardType.getTypeInfo(type).patterns.flat().map(String),
    )
    const numbers = fc
      .tuple(fc.constantFrom('', ...prefixes), fc.string({ unit: ASCII_DIGIT, minLength: 19, maxLength: 19 }))
      .map(([prefix, rest]) => (prefix + rest).slice(0, 16))
    const ours = new Set(['rupay', 'verve', 'hipercard', 'diners'])
    fc.assert(
      fc.property(numbers, (number) => {
        const brand = brandOf(number)
        if (brand !== undefined && ours.has(brand.name)) return
        const [theirs] = creditCardType(number)
        expect(brand?.lengths).toEqual(theirs?.lengths)
        expect(brand?.gaps).toEqual(theirs?.gaps)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['6070001234567890', 'rupay'],
    ['6521501234567890', 'rupay'],
    ['5085001234567890', 'rupay'],
    ['6500021234567890', 'verve'],
    ['3841001234567890', 'hipercard'],
    ['30951234567890', 'diners'],
    ['6500311234567890', 'elo'],
    ['6500311234567890123', 'discover'],
  ])('knows the range of %s as %s', (number, name) => {
    expect(brandOf(number)?.name).toBe(name)
  })

  it('has a name of its own for every brand of credit-card-type', () => {
    for (const type of Object.values(creditCardType.types)) {
      const [first] = creditCardType.getTypeInfo(type).patterns.flat()
      expect(brandOf(String(first).padEnd(16, '0'))?.name).toMatch(/^[a-z]+$/)
    }
  })
})

describe('schemesOf', () => {
  it.each([
    ['4242424242424242', ['visa']],
    ['42424242424242', []],
    ['6027440064258000', []],
    ['9999999999999995', []],
    ['378282246310005', ['amex']],
  ])('of %s is %j', (digits, names) => {
    expect(schemesOf(digits).map(({ name }) => name)).toEqual(names)
  })
})

describe('hasValidCheckDigit', () => {
  it('accepts one last digit of ten', () => {
    fc.assert(
      fc.property(fc.string({ unit: ASCII_DIGIT, minLength: 11, maxLength: 18 }), (digits) => {
        expect([...'0123456789'].filter((last) => hasValidCheckDigit(digits + last))).toHaveLength(1)
      }),
    )
  })
})

describe('the security code', () => {
  it('has four digits on American Express cards and three on those of every other brand', () => {
    for (const name of brandNames) expect(codeDigitsOf(name), name).toEqual([name === 'amex' ? 4 : 3])
  })

  it.each([undefined, 'unknown', 'toString'])('has three or four where the brand is %s', (name) => {
    expect(codeDigitsOf(name)).toEqual([3, 4])
  })
})
