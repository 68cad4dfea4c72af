import creditCardType from 'credit-card-type'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { brandOf, hasValidCheckDigit } from './card-brand.ts'

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

  it('knows no brand for a prefix that nobody issues under', () => {
    expect(brandOf('9999999999999995')).toBeUndefined()
  })

  it('answers what credit-card-type answers', () => {
    const prefixes = Object.values(creditCardType.types).flatMap((type) =>
      creditCardType.getTypeInfo(type).patterns.flat().map(String),
    )
    const numbers = fc
      .tuple(fc.constantFrom('', ...prefixes), fc.string({ unit: ASCII_DIGIT, minLength: 19, maxLength: 19 }))
      .map(([prefix, rest]) => (prefix + rest).slice(0, 16))
    fc.assert(
      fc.property(numbers, (number) => {
        const [theirs] = creditCardType(number)
        expect(brandOf(number)?.lengths).toEqual(theirs?.lengths)
        expect(brandOf(number)?.gaps).toEqual(theirs?.gaps)
      }),
      { numRuns: 500 },
    )
  })

  it('has a name of its own for every brand of credit-card-type', () => {
    for (const type of Object.values(creditCardType.types)) {
      const [first] = creditCardType.getTypeInfo(type).patterns.flat()
      expect(brandOf(String(first).padEnd(16, '0'))?.name).toMatch(/^[a-z]+$/)
    }
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
