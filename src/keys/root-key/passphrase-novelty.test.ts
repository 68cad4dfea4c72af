import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { novelPlaces } from './passphrase-novelty.ts'

const novel = (text: string) =>
  novelPlaces(Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)))
    .map((at) => text[at])
    .join('')

describe('what is new in a passphrase', () => {
  it.each([
    ['equal letters', 'a'.repeat(20), 'a'],
    ['a row of keys', 'qwertyuiop', 'q'],
    ['a row of keys with shift here and there', 'QWErtyUIop', 'Q'],
    ['columns of keys', '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/', '1234567890'],
    ['columns of keys with shift', '!QAZ2wsx#EDC4rfv%TGB6yhn', '!2#4%6'],
    ['the alphabet', 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', 'a'],
    ['a word again', 'horse horse horse horse', 'horse '],
    ['a word again, in capitals', 'horseHORSEHorse', 'horse'],
    ['a word again, after a number', 'horse1horse2horse3horse4', 'horse1234'],
  ])('of %s is the beginning', (_what, text, expected) => expect(novel(text)).toBe(expected))

  it.each(['', 'a', 'correct battery staple', 'tr0ub4d0r&3', 'größer 🔐'])('of %j is all', (text) =>
    expect(novel(text)).toBe(text),
  )

  it('of random bytes is nearly all', () => {
    const texts = Array.from({ length: 200 }, () => randomBytes(32))
    const average = (encoding: 'base64' | 'hex') =>
      texts.reduce((sum, bytes) => sum + novel(bytes.toString(encoding)).length, 0) / texts.length
    // Measured over 200,000: 42.2 of 44 and 60.5 of 64. A single text can have as few as 24. These limits are more than
    // six standard deviations of the average below.
    expect(average('base64')).toBeGreaterThan(41)
    expect(average('hex')).toBeGreaterThan(59)
  })
})
