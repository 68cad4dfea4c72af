import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInput } from '../values/parse-input.ts'
import { text } from './text.ts'

const parse = (value: unknown, maxCharacters = 100) => parseInput(text(maxCharacters), value)

const refusal = (code: string) => expect.objectContaining({ code })

describe('text', () => {
  it.each([
    ['SQL', "Robert'); DROP TABLE records;--"],
    ['a spreadsheet formula', '=HYPERLINK("http://evil.example","x")'],
    ['markup', '<script>alert(1)</script>'],
    ['line breaks and tabs', '1 Raffles Place\r\n#20-61\tleft'],
    ['white space around it', '  Tan Mei Ling '],
    ['emoji', '👩‍👩‍👧 5️⃣'],
    ['right-to-left script', 'محمد علي'],
    ['a right-to-left mark before a name', '\u200Fمحمد علي'],
    ['a left-to-right mark after a number', 'דירה 12\u200E'],
    ['an Arabic letter mark', 'شارع \u061C12'],
    ['joiners of a script', 'می\u200Cخواهم'],
    ['line breaks of a word processor', '1 Raffles Place\u000B#20-61\u0085left\u2028door'],
    ['percent signs and backslashes', '%s %n \\0 {{y}}'],
  ])('keeps %s as it was sent', (_, value) => {
    expect(parse(value)).toBe(value)
  })

  it.each([
    ['NUL', 'a\u0000b'],
    ['escape', 'a\u001B[31mb'],
    ['DELETE', 'a\u007Fb'],
    ['a C1 control', 'a\u0086b'],
    ['a lone high surrogate', 'a\uD83D'],
    ['a lone low surrogate', '\uDE00a'],
    ['a right-to-left override', 'a\u202Eb'],
    ['an isolate', 'a\u2066b'],
    ['an embedding', 'a\u202Ab'],
    ['the end of an embedding', 'a\u202Cb'],
    ['nothing', ''],
    ['white space', ' \t\r\n\u3000'],
    ['zero-width spaces', '\u200B\u200B'],
    ['1 MB of combining marks', `a${'\u0301'.repeat(500_000)}`],
  ])('refuses %s', (_, value) => {
    expect(() => parse(value)).toThrow(refusal('invalid-input'))
  })

  it.each([[42], [null], [['a']], [{ a: 1 }], [true], [undefined]])('refuses %j, which is not a string', (value) => {
    expect(() => parse(value)).toThrow(refusal('invalid-input'))
  })

  it('refuses a card number under a code of its own', () => {
    expect(() => parse('pay with 4242 4242 4242 4242')).toThrow(refusal('card-number-in-text'))
  })

  it('counts code points', () => {
    expect(parse('美'.repeat(10), 10)).toHaveLength(10)
    expect(parse('a😀a😀a', 5)).toHaveLength(7)
    expect(() => parse('a'.repeat(11), 10)).toThrow(refusal('invalid-input'))
  })

  it('limits bytes too', () => {
    expect(parse('😀'.repeat(7), 10)).toBe('😀'.repeat(7))
    expect(() => parse('😀'.repeat(8), 10)).toThrow(refusal('invalid-input'))
  })

  it('composes to NFC, and the limit counts the result', () => {
    expect(parse('e\u0301'.repeat(10), 10)).toBe('é'.repeat(10))
  })

  it('accepts again whatever it accepted, unchanged', () => {
    const schema = text(20)
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (value) => {
        const first = schema.safeParse(value)
        fc.pre(first.success)
        expect(schema.parse(first.data)).toBe(first.data)
        expect(first.data).toBe(value.normalize('NFC'))
      }),
    )
  })

  it('quotes nothing of what it refuses', () => {
    try {
      parse('secret 4242424242424242\u0000')
      expect.unreachable()
    } catch (error) {
      expect(JSON.stringify(error)).not.toMatch(/secret|4242/)
    }
  })
})
