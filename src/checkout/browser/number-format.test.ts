import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deleteAcross, showNumber } from './number-format.ts'

const digitsOf = (text: string) => text.replace(/\D/g, '')

describe('a card number', () => {
  it.each([
    ['4242424242424242', '4242 4242 4242 4242'],
    ['378282246310005', '3782 822463 10005'],
    ['4242-4242-4242-4242', '4242 4242 4242 4242'],
    ['42424', '4242 4'],
    ['4242', '4242'],
    ['٤٢٤٢٤٢', '4242 42'],
    ['', ''],
  ])('%s is shown as %s', (typed, shown) => {
    expect(showNumber(typed, typed.length)).toEqual({ text: shown, caret: shown.length })
  })

  it('is left as it was typed when it has something else in it', () => {
    expect(showNumber('4242x', 2)).toEqual({ text: '4242x', caret: 2 })
  })

  it('keeps the caret behind the same digit, wherever it is', () => {
    const typed = fc.stringMatching(/^[0-9 -]{0,24}$/)
    fc.assert(
      fc.property(typed, fc.nat(24), (text, at) => {
        const caret = Math.min(at, text.length)
        const shown = showNumber(text, caret)
        expect(digitsOf(shown.text)).toBe(digitsOf(text))
        expect(digitsOf(shown.text.slice(0, shown.caret))).toBe(digitsOf(text.slice(0, caret)))
        expect(showNumber(shown.text, shown.caret)).toEqual(shown)
      }),
    )
  })

  it('loses a digit, and no other, when one is deleted behind a space', () => {
    // The browser has deleted the space that was in front of the caret.
    expect(showNumber('42424242', 4)).toEqual({ text: '4242 4242', caret: 5 })
  })

  it('deletes the digit beside a space, since the space alone would come back', () => {
    expect(deleteAcross('4242 4242', { text: '42424242', caret: 4 }, 'backward')).toEqual({ text: '4244242', caret: 3 })
    expect(deleteAcross('4242 4242', { text: '42424242', caret: 4 }, 'forward')).toEqual({ text: '4242242', caret: 4 })
    expect(deleteAcross('4242 4', { text: '4242 ', caret: 5 }, 'backward')).toEqual({ text: '4242 ', caret: 5 })
  })

  it('takes marks of direction away, as around a number that was copied', () => {
    expect(showNumber('\u200e4242 4242\u200e', 11)).toEqual({ text: '4242 4242', caret: 9 })
  })
})
