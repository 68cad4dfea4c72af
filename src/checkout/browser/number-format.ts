import { brandOf } from '../../kinds/card-brand.ts'
import { asciiDigits, DASHES } from '../../kinds/digit-groups.ts'

const NUMBER_LIKE = new RegExp(`^[\\d\\s${DASHES}]*$`, 'u')

export interface Shown {
  text: string
  caret: number
}

/**
 * A card number in the groups of its brand, with the caret behind the same digit as before. What holds anything but digits,
 * spaces and dashes is left as it was typed.
 */
export function showNumber(typed: string, caret: number): Shown {
  const text = asciiDigits(typed)
  if (!NUMBER_LIKE.test(text)) return { text: typed, caret }
  const digits = text.replace(/\D/g, '')
  const before = text.slice(0, caret).replace(/\D/g, '').length
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
