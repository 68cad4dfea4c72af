import { describe, expect, it } from 'vitest'
import { MAX_TICKET, PatternError, parseTicketPattern } from './ticket-pattern.ts'

describe('a pattern of tickets', () => {
  it.each([
    ['INC\\d{7}', 'INC0012345', 'xINC0012345'],
    ['^(?:CASE|INC)-[0-9]{1,8}$', 'CASE-1042', 'CASE-1042\n'],
    ['[A-Z]{2,10}-\\d+', 'SUP-17', 'SUP-'],
    ['[A-Z]+-\\d+(-\\d+)?', 'A-1-2', 'A-1-2-3'],
    ['#?\\d+|ZD/\\d+', 'ZD/4', '#'],
    ['CASE\\-\\d+', 'CASE-1042', 'CASE'],
    ['(?:\\d{2}\\.){2}\\d{4}', '11.22.3333', '11.2233'],
    ['[^\\]a-z]{3}', 'A1]'.replace(']', '-'), 'A1]'],
  ])('%s takes %s, and not %s', (pattern, ticket, other) => {
    const parsed = parseTicketPattern(pattern)
    expect(parsed.test(ticket)).toBe(true)
    expect(parsed.test(other)).toBe(false)
  })

  it.each([
    '(a+)+',
    '(a|a)*b',
    '(?:a*){8}',
    '.*.*.*.*x',
    '(\\d+-?)+',
    '(a?){40}a{40}',
    '((a{1,20}){1,20}){1,20}',
    'a+'.repeat(20),
    '(?=a)b',
    '(?!a)b',
    '(?<=a)b',
    '(?<year>\\d)',
    '(a)\\1',
    '(?i:a)',
    'a)|(?:b',
    '(a',
    '[a',
    '*',
    'a**',
    '\\',
    '\\k<a>',
    '\\p{L}+',
    '{3}',
    '[z-a]',
    'a'.repeat(201),
  ])('is not %s', (pattern) => {
    expect(() => parseTicketPattern(pattern)).toThrow(PatternError)
  })

  it.each(['a*a*a*b', '(?:a|a){17}b', '(?:a?){4}a*a*b', '(?:aa?){1,15}b'])(
    'that may be as slow as %s still comes to an end with the worst ticket there is',
    (pattern) => {
      expect(parseTicketPattern(pattern).test('a'.repeat(MAX_TICKET))).toBe(false)
    },
  )
})
