import { brandOf } from '../../kinds/card-brand.ts'
import { asciiDigits, DASHES } from '../../kinds/digit-groups.ts'
import { withoutInvisible } from '../../kinds/typed.ts'

const NUMBER_LIKE = new RegExp(`^[\\d\\s${DASHES}]*$`, 'u')

export interface Shown {
  text: string
  caret: number
}

/** Without what is not seen, such as the marks of direction around a number that was copied. */
const readable = (typed: string) => asciiDigits(withoutInvisible(typed))
const digitsOf = (text: string) => text.replace(/\D/g, '')

/**
 * What is left when a space alone was deleted: it would come back at once, so the digit beside it goes.
 *
 * @param shown what was there before
 */
export function deleteAcross(shown: string, typed: Shown, direction: 'backward' | 'forward'): Shown {
  const digits = digitsOf(typed.text)
  if (typed.text.length !== shown.length - 1 || digits !== digitsOf(shown)) return typed
  const { text, caret } = typed
  return direction === 'backward'
    ? { text: text.slice(0, caret - 1) + text.slice(caret), caret: caret - 1 }
    : { text: text.slice(0, caret) + text.slice(caret + 1), caret }
}

/**
 * A card number in the groups of its brand, with the caret behind the same digit as before. What holds anything but digits,
 * spaces and dashes is left as it was typed.
 */
export function showNumber(typed: string, caret: number): Shown {
  const text = readable(typed)
  if (!NUMBER_LIKE.test(text)) return { text: typed, caret }
  const digits = digitsOf(text)
  const before = digitsOf(readable(typed.slice(0, caret))).length
  const gaps = brandOf(digits)?.gaps ?? [4, 8, 12]
  const hasGapAfter = (count: number) => gaps.includes(count) && count < digits.length
  let shown = ''
  let place = 0
  for (const [at, digit] of [...digits].entries()) {
    if (at === before) place = shown.length
    shown += digit
    if (hasGapAfter(at + 1)) shown += ' '
  }
  // Behind a group the caret is behind its space, where the next digit goes.
  return { text: shown, caret: before >= digits.length ? shown.length : place }
}
