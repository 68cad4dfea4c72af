import { expect, it } from 'vitest'
import { toCsv } from './comma-separated.ts'

it('writes a line for each row, quoted where it must be', () => {
  const rows = [
    { a: 'plain', b: 'with, comma' },
    { a: 'with "quotes"', b: 'two\nlines' },
  ]
  expect(toCsv(rows, ['b', 'a'])).toBe('b,a\r\n"with, comma",plain\r\n"two\nlines","with ""quotes"""')
})

it.each(['=HYPERLINK("x")', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1'])(
  'makes a text of what looks like a formula: %j',
  (a) => {
    expect(toCsv([{ a }], ['a'])).toMatch(/^a\r\n"'/)
  },
)
