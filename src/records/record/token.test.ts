import { describe, expect, it } from 'vitest'
import { hasValidCheckDigit } from '../../kinds/card-brand.ts'
import { holdsCardNumber } from '../../kinds/card-number.ts'
import { createKinds } from '../../kinds/kinds.ts'
import { createRandomBytes } from '../../values/random.ts'
import { kindNameOf, newToken, parseToken } from './token.ts'

const kinds = Object.values(createKinds())
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** The 16 bytes that are written as these 26 characters. */
function bytesOf(text: string): Buffer {
  const value = [...text].reduce((sum, character) => sum * 32n + BigInt(ALPHABET.indexOf(character)), 0n)
  return Buffer.from(value.toString(16).padStart(32, '0'), 'hex')
}

/** Whether 13 to 19 digits with a right check digit are anywhere in the text, as a scanner for card numbers looks. */
function hasLuhnRun(text: string): boolean {
  for (const [run] of text.matchAll(/\d{13,}/g)) {
    for (let start = 0; start + 13 <= run.length; start++) {
      for (let end = start + 13; end <= Math.min(run.length, start + 19); end++) {
        if (hasValidCheckDigit(run.slice(start, end))) return true
      }
    }
  }
  return false
}

describe('newToken', () => {
  it('makes tokens of 128 random bits that never repeat and never look like a card number', () => {
    const randomBytes = createRandomBytes()
    const seen = new Set<string>()
    for (let count = 0; count < 100_000; count++) {
      const kind = kinds[count % kinds.length]!
      const token = newToken(kind, randomBytes)
      seen.add(token)
      if (!/^(card|addr|cont)_[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(token)) throw new Error(`${token} has another form`)
      if (parseToken(token) !== token || kindNameOf(token) !== kind.name) throw new Error(`${token} does not parse`)
      if (holdsCardNumber(token, { besideLetters: false }) || hasLuhnRun(token))
        throw new Error(`${token} looks like a card number`)
    }
    expect(seen.size).toBe(100_000)
  })

  it('takes every bit from the random source, and nothing else', () => {
    const characters = '7zyxwvtsrqpnmkjhgfedcba987'
    expect(newToken(kinds[0]!, () => bytesOf(characters))).toBe(`card_${characters}`)
  })

  it('draws again when the random characters happen to hold a card number', () => {
    const draws = ['0abc4242424242424242defghj', '44242424242424242000000000', '7zyxwvtsrqpnmkjhgfedcba987']
    const token = newToken(kinds[0]!, () => bytesOf(draws.shift()!))
    expect(hasLuhnRun(token)).toBe(false)
    expect(token).toBe('card_7zyxwvtsrqpnmkjhgfedcba987')
  })
})

describe('parseToken', () => {
  const token = 'card_7zyxwvtsrqpnmkjhgfedcba987'

  it.each([
    ['an empty text', ''],
    ['another prefix', token.replace('card', 'bank')],
    ['no prefix', token.slice(5)],
    ['upper case', token.toUpperCase()],
    ['a character too few', token.slice(0, -1)],
    ['a character too many', `${token}0`],
    ['more than 128 bits', token.replace('_7', '_8')],
    ['letters that the alphabet leaves out', token.replace('z', 'l')],
    ['white space around it', ` ${token}`],
    ['a line break at its end', `${token}\n`],
    ['a path', `../${token}`],
    ['a query', `${token}?a=1`],
    ['a NUL', `${token}\0`],
    ['fullwidth digits', token.replace('7', '７')],
  ])('refuses %s', (_what, text) => {
    expect(parseToken(text)).toBeUndefined()
  })

  it('takes a token', () => {
    expect(parseToken(token)).toBe(token)
  })
})
