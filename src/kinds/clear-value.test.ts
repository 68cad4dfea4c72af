import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mayBeCardNumber } from './clear-value.ts'

describe('a value that is stored in the clear may be a card number', () => {
  it.each([
    '4242424242424242',
    'v4242424242424242',
    'T4242424242424242',
    '42424242-42424242',
    '424242-4242424242',
    '4242-4242-4242-4242',
    '4.2.4.2.4.2.4.2.4.2.4.2.4.2.4.2',
    '４２４２４２４２４２４２４２４２',
    '30569309025904',
    'CASE-6205500000000000004',
    '2026/4242 4242 4242 4242',
    '42424242 - 42424242x',
  ])('%s', (value) => {
    expect(mayBeCardNumber(value)).toBe(true)
  })
})

describe('a value that is stored in the clear is not a card number', () => {
  it.each([
    '2026-11-01',
    'privacy-2026-11-29.3',
    'INC0012345678',
    'CASE-1042',
    'ZD#20261129-000123',
    '42424242-4242-4242-4242-424242424242',
    '2026-11-29T05:53:00.000Z',
    '4242424242424241',
    '9999999999999995',
    'Police of Singapore, unit 42',
  ])('%s', (value) => {
    expect(mayBeCardNumber(value)).toBe(false)
  })

  it('as any UUID, ULID or time', () => {
    const time = fc.date({ noInvalidDate: true, min: new Date('1970-01-01'), max: new Date('2200-01-01') })
    const ids = fc.oneof(
      fc.uuid(),
      fc.ulid(),
      time.map((date) => date.toISOString()),
    )
    fc.assert(
      fc.property(ids, (id) => {
        expect(mayBeCardNumber(id)).toBe(false)
      }),
      { numRuns: 2_000 },
    )
  })
})
