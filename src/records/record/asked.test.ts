import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { askedIn, askedInCorrection } from './asked.ts'

describe('what a body asks for', () => {
  it.each<[unknown, string[] | undefined, string | undefined]>([
    [{ purpose: 'communicate', fields: ['number', 'number', 'exp_year'] }, ['number', 'exp_year'], 'communicate'],
    [{ fields: { last4: '4242', x: 1 } }, ['last4'], undefined],
    [{ field: 'postal_code', value: '048616' }, ['postal_code'], undefined],
    [{ items: [{ fields: ['number'] }, null, { fields: 'name' }] }, ['number', 'name'], undefined],
    [{ by: 'card_number', value: '4242' }, ['number'], undefined],
    [{ by: 'email' }, ['email'], undefined],
    [{ by: 'customer' }, undefined, undefined],
    [{ fields: ['Mei Ling', 7, null, 'constructor'], purpose: 'curiosity' }, undefined, undefined],
    [null, undefined, undefined],
    ['number', undefined, undefined],
  ])('%j', (body, fields, purpose) => {
    expect(askedIn(body)).toEqual({ fields, purpose })
  })

  it('are the members of a correction', () => {
    const body = { line1: '1 Raffles Place', reason: 'moved', purpose: 'provide-goods', 'a b': 1 }
    expect(askedInCorrection(body)).toEqual({ fields: ['line1'], purpose: 'provide-goods' })
  })

  it('is never a value, whatever is sent', () => {
    fc.assert(
      fc.property(fc.anything(), fc.string({ minLength: 12 }), (anything, value) => {
        const asked = JSON.stringify([
          askedIn({ fields: [value, anything], purpose: value, field: anything, by: value }),
        ])
        expect(asked).not.toContain(JSON.stringify(value).slice(1, -1))
      }),
    )
  })
})
