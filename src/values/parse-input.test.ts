import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { issue, parseInput } from './parse-input.ts'
import { Problem } from './problem.ts'

const schema = z.strictObject({
  name: z.string().min(2).max(10),
  count: z.int().min(1).max(5).optional(),
  use: z.enum(['billing', 'shipping']).optional(),
  slug: z
    .string()
    .regex(/^[a-z]+$/)
    .optional(),
  number: z
    .string()
    .refine((value) => value === '1', issue('invalid-card-number', 'has a wrong check digit'))
    .optional(),
  note: z
    .string()
    .refine((value) => value === '', issue('card-number-in-text', 'remove the card number'))
    .optional(),
  items: z.array(z.strictObject({ id: z.string() })).optional(),
})

function refusal(input: unknown): Problem {
  try {
    parseInput(schema, input)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('the input was accepted')
}

describe('parseInput', () => {
  it('answers with what the schema made of the input', () => {
    const trimmed = z.object({ name: z.string().trim() })
    expect(parseInput(trimmed, { name: '  Mei ' })).toEqual({ name: 'Mei' })
  })

  it.each([
    ['a missing member', {}, '#/name', 'expected a string'],
    ['another type', { name: 7 }, '#/name', 'expected a string'],
    ['something else than an object', [], '#', 'expected an object'],
    ['too short a text', { name: 'a' }, '#/name', 'expected at least 2 (string)'],
    ['too long a text', { name: 'abcdefghijk' }, '#/name', 'expected at most 10 (string)'],
    ['too large a number', { name: 'Mei', count: 6 }, '#/count', 'expected at most 5 (number)'],
    ['a value outside a closed list', { name: 'Mei', use: 'x' }, '#/use', 'expected one of: billing, shipping'],
    ['a text in another form', { name: 'Mei', slug: 'A!' }, '#/slug', 'is not in the expected form'],
    ['a member of an array', { name: 'Mei', items: [{ id: 'a' }, { id: 1 }] }, '#/items/1/id', 'expected a string'],
  ])('points at %s', (_what, input, pointer, detail) => {
    expect(refusal(input)).toMatchObject({ code: 'invalid-input', errors: [{ pointer, detail }] })
  })

  it('points at every fault at once', () => {
    const pointers = refusal({ name: 1, count: 9, use: 'x' }).errors.map(({ pointer }) => pointer)
    expect(pointers).toEqual(['#/name', '#/count', '#/use'])
  })

  it('escapes what a JSON Pointer must escape', () => {
    const odd = z.object({ 'a/b~c': z.string() })
    expect(() => parseInput(odd, {})).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ pointer: '#/a~1b~0c' })] }),
    )
  })

  it('takes the code from the refinement that names one', () => {
    expect(refusal({ name: 'Mei', number: '2' })).toMatchObject({
      code: 'invalid-card-number',
      errors: [{ pointer: '#/number', detail: 'has a wrong check digit' }],
    })
  })

  it.each([
    ['unknown-member', { name: 1, surprise: 1 }],
    ['card-number-in-text', { name: 1, note: '4242', surprise: 1 }],
    ['sensitive-authentication-data', { name: 1, note: '4242', surprise: 1, cvc: '123' }],
  ])('answers with the gravest of several codes: %s', (code, input) => {
    expect(refusal(input).code).toBe(code)
  })

  it.each([
    ...['cvc', 'CVV', 'cvv2', 'cvc2', 'cid', 'csc', 'cvn', 'cav2', 'pin', 'pin_block', 'pinblock', 'PIN'],
    ...['security_code', 'securityCode', 'card_cvc', 'cardCvv', 'verification_value', 'verificationCode'],
    ...['track', 'track1', 'track_2', 'track2', 'track_data', 'track3'],
  ])('refuses %s as sensitive authentication data, without repeating the name', (name) => {
    const problem = refusal({ name: 'Mei', [name]: '123' })
    expect(problem.code).toBe('sensitive-authentication-data')
    expect(problem.errors).toEqual([{ pointer: '#', detail: 'remove the card verification data' }])
  })

  it('points at the object that holds an unknown member, and not at the member', () => {
    const problem = refusal({ name: 'Mei', items: [{ id: 'a', '4242424242424242': 1 }] })
    expect(problem).toMatchObject({ code: 'unknown-member', errors: [{ pointer: '#/items/0' }] })
    expect(inspect(problem, { depth: null })).not.toContain('4242')
  })

  it('names no more than a hundred issues, and still the gravest code', () => {
    const items = [...Array(500).fill({ id: 1 }), { id: 'a', cvc: '1' }]
    const problem = refusal({ name: 'Mei', items })
    expect(problem.code).toBe('sensitive-authentication-data')
    expect(problem.errors.length).toBe(100)
  })

  it('quotes nothing of any input', () => {
    const digits = fc.stringMatching(/^[0-9]{13,19}$/)
    const shapes = (value: string): unknown[] => [
      value,
      [value],
      { [value]: value },
      { name: value, use: value, slug: value, number: value, note: value, count: Number(value) },
      { name: 'Mei', items: [{ [value]: value, id: Number(value) }, value] },
    ]
    fc.assert(
      fc.property(digits, (value) => {
        for (const input of shapes(value)) {
          const problem = refusal(input)
          expect(JSON.stringify(problem) + inspect(problem, { depth: null })).not.toContain(value)
        }
      }),
      { numRuns: 50 },
    )
  })
})
