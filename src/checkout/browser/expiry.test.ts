import { describe, expect, it } from 'vitest'
import { readExpiry, showExpiry } from './expiry.ts'

describe('an expiry', () => {
  it.each([
    '1/31',
    '01/31',
    '01/2031',
    '0131',
    '012031',
    '1/2031',
    '01 / 31',
    '01-31',
    '01.31',
    '01 31',
    '2031-01',
    '2031/1',
    ' 01/31 ',
    '٠١/٣١',
    '01/31/',
  ])('may be typed as %s', (text) => {
    expect(readExpiry(text)).toEqual({ exp_month: 1, exp_year: 2031 })
  })

  it.each(['', '1', '13/31', '00/31', '1/3', '131', '1/031', '1/2/31', 'ab/cd', '01/31x', '12312', '/31', '01/'])(
    'is not %s',
    (text) => {
      expect(readExpiry(text)).toBeUndefined()
    },
  )
})

describe('what is shown while it is typed', () => {
  it.each([
    ['0', '0'],
    ['1', '1'],
    ['2', '02/'],
    ['12', '12/'],
    ['01', '01/'],
    ['13', '13'],
    ['1/', '1/'],
    ['01/3', '01/3'],
    ['0131', '01/31'],
    ['01/2031', '01/2031'],
    ['01//', '01/'],
    ['12/-', '12/'],
    ['01/ ', '01/'],
  ])('%s becomes %s', (typed, shown) => {
    expect(showExpiry(typed, false)).toBe(shown)
  })

  it('stays as it is while something is deleted', () => {
    for (const text of ['01', '2', '0131']) expect(showExpiry(text, true)).toBe(text)
  })

  it.each([
    ['1/31', '1/31'],
    ['01/31', '01/31'],
    ['01/2031', '01/2031'],
    ['0131', '01/31'],
    ['2/31', '02/31'],
    ['12 / 31', '12/31'],
  ])('key by key, %s becomes %s', (typed, shown) => {
    expect([...typed].reduce((text, key) => showExpiry(text + key, false), '')).toBe(shown)
  })

  it('is read as what was typed', () => {
    for (const digits of ['0131', '0931', '1231']) {
      let shown = ''
      for (const digit of digits) shown = showExpiry(shown + digit, false)
      expect(readExpiry(shown)).toEqual(readExpiry(digits))
    }
  })
})
