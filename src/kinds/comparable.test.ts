import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ComparableName, comparableInput, comparableNamesOf, comparableOf } from './comparable.ts'

const address = {
  name: 'Tan Mei-Ling',
  line1: '1 Raffles Place',
  line2: '#20-61',
  city: 'Singapore',
  postal_code: '048616',
  country: 'SG',
  phone: '+65 6123 4567',
}

describe('the names to compare by', () => {
  it.each([
    ['card', ['last4', 'name']],
    ['address', ['postal_code', 'name', 'address']],
    ['contact', ['name']],
  ] as const)('of a %s are %j', (kind, names) => {
    expect(comparableNamesOf(kind)).toEqual(names)
  })

  it('never lead to the number of a card: its last four digits are all that is compared', () => {
    const details = { number: '4242424242424242', exp_month: 12, exp_year: 2031, holder_name: 'Tan' }
    const compared = comparableNamesOf('card').map((name) => comparableOf('card', name, details))
    expect(compared).toEqual(['4242', 'tan'])
  })
})

describe('equal', () => {
  it.each<[ComparableName, string | object]>([
    ['name', 'TAN MEI LING'],
    ['name', ' Tan  Mei‐Ling '],
    ['name', 'Tán Mei Líng'],
    ['postal_code', '04 86 16'],
    ['postal_code', '048-616'],
    ['address', { line1: '1, Raffles Place', line2: '20-61', city: 'singapore', postal_code: '048616', country: 'SG' }],
    ['address', { line1: '1 Raffles Place #20-61', city: 'Singapore', postal_code: '048616', country: 'SG' }],
  ])('%s %j', (name, value) => {
    expect(comparableInput(name, value as string)).toBe(comparableOf('address', name, address))
  })
})

describe('not equal', () => {
  it.each<[ComparableName, string | object]>([
    ['name', 'Tan Mei Lin'],
    ['name', 'Mei Ling Tan'],
    ['postal_code', '048617'],
    ['postal_code', '4861'],
    ['address', { line1: '11 Raffles Place', city: 'Singapore', postal_code: '048616', country: 'SG' }],
    ['address', { line1: '1 Raffles Place', line2: '#2061', city: 'Singapore', postal_code: '048616', country: 'SG' }],
    ['address', { line1: '1 Raffles Place', line2: '#20-61', city: 'Singapore', postal_code: '048616', country: 'MY' }],
  ])('%s %j', (name, value) => {
    expect(comparableInput(name, value as string)).not.toBe(comparableOf('address', name, address))
  })

  it('what a record does not have, and what is nothing but punctuation', () => {
    expect(comparableOf('contact', 'name', { email: 'mei@example.sg' })).toBeUndefined()
    expect(comparableInput('name', ' - ')).toBeUndefined()
    expect(comparableOf('address', 'postal_code', { ...address, postal_code: undefined })).toBeUndefined()
  })
})

it('marks that are letters in other scripts are kept', () => {
  expect(comparableInput('name', 'कि')).not.toBe(comparableInput('name', 'क'))
})

it('normalising twice is normalising once', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
      const once = comparableInput('name', text)
      if (once !== undefined) expect(comparableInput('name', once)).toBe(once)
    }),
  )
})
