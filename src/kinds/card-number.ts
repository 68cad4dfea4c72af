import { isPossiblePhoneNumber } from 'libphonenumber-js/min'
import { brandOf, hasValidCheckDigit } from './card-brand.ts'

/**
 * Lengths that are looked for in text. ISO/IEC 7812-1 allows 12 too, but then every tenth Malaysian or Philippine
 * telephone number in an instruction for the courier would pass for a Maestro card.
 */
const MIN_DIGITS = 13
const MAX_DIGITS = 19

/** ITU-T E.164 section 6: an international telephone number has at most 15 digits. */
const MAX_PHONE_DIGITS = 15

/** What stands between two digits of one number: three characters, so that ` - ` is one such thing. */
const SEPARATOR_BETWEEN_DIGITS = /(?<=\d)[^\p{L}\p{N}]{1,3}(?=\d)/gu

/** A run of digits that touches no letter and no other kind of number. */
const FREE_STANDING_DIGITS = /(?<![\p{L}\p{N}])\d+(?![\p{L}\p{N}])/gu

/** Characters that print nothing or sit on the one before: zero-width characters, soft hyphens, combining marks. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{M}]/gu

/**
 * Whether free text hides what may be a card number: after undoing disguises and dropping separators, 13 to 19 digits
 * with a right check digit, or inside more digits a stretch that has a known brand's prefix and length and a right
 * check digit. Errs on the side of refusing. Takes time in proportion to the text.
 */
export function hidesCardNumber(text: string): boolean {
  const runs =
    undisguise(text)
      .replace(SEPARATOR_BETWEEN_DIGITS, '')
      .match(/\+?\d+/g) ?? []
  return runs.some((run) => {
    const digits = run.replace('+', '')
    if (digits.length < MIN_DIGITS || isPhoneNumber(run)) return false
    if (digits.length <= MAX_DIGITS && hasValidCheckDigit(digits)) return true
    for (let start = 0; start <= digits.length - MIN_DIGITS; start++) {
      if (startsWithCardNumber(digits.slice(start, start + MAX_DIGITS))) return true
    }
    return false
  })
}

/**
 * Whether an identifier, a header or a path carries a card number as people and programs write one: of a known brand,
 * with that brand's length and a right check digit, touching no letter or digit, in one piece or in the groups printed
 * on cards. Errs on the side of accepting: hexadecimal identifiers, UUIDs and timestamps are none.
 */
export function looksLikeCardNumber(text: string): boolean {
  const plain = undisguise(text)
  const groups = [...plain.matchAll(FREE_STANDING_DIGITS)].map((match) => ({ start: match.index, digits: match[0] }))
  return groups.some((first, index) => {
    let digits = first.digits
    if (isBrandedCardNumber(digits)) return true
    const gaps: number[] = []
    let end = first.start + first.digits.length
    let separator: string | undefined
    for (const group of groups.slice(index + 1, index + 5)) {
      const between = plain.slice(end, group.start)
      separator ??= between
      if (between !== separator || between.length > 2) return false
      gaps.push(digits.length)
      digits += group.digits
      end = group.start + group.digits.length
      if (isBrandedCardNumber(digits) && isPrintedInGroups(gaps, digits)) return true
    }
    return false
  })
}

function isBrandedCardNumber(digits: string): boolean {
  if (digits.length < MIN_DIGITS || digits.length > MAX_DIGITS) return false
  return brandOf(digits)?.lengths.includes(digits.length) === true && hasValidCheckDigit(digits)
}

function startsWithCardNumber(digits: string): boolean {
  const lengths = brandOf(digits)?.lengths ?? []
  return lengths.some(
    (length) => length >= MIN_DIGITS && length <= digits.length && hasValidCheckDigit(digits.slice(0, length)),
  )
}

function isPrintedInGroups(gaps: readonly number[], digits: string): boolean {
  const printed = gaps.join()
  return printed === '4,8,12' || printed === '4,8,12,16' || printed === brandOf(digits)?.gaps.join()
}

/** Without this every tenth Indonesian, Brazilian or Chinese mobile number in full would pass for a card number. */
function isPhoneNumber(run: string): boolean {
  return run.startsWith('+') && run.length <= 1 + MAX_PHONE_DIGITS && isPossiblePhoneNumber(run)
}

/** A text without anything to undo; most are. */
const ASCII = /^[\u0000-\u007F]*$/

/**
 * A copy of the text in which every digit that a reader sees is an ASCII digit; empty when it cannot hold a card number.
 */
function undisguise(text: string): string {
  if (ASCII.test(text)) return text.length < MIN_DIGITS ? '' : text
  if (!/\p{N}/u.test(text)) return ''
  return text
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .replace(/(?!\d)\p{Nd}/gu, toAsciiDigit)
}

/** Unicode 17.0 section 4.6: decimal digits stand in unbroken runs of ten, from zero to nine. */
function toAsciiDigit(digit: string): string {
  const codePoint = digit.codePointAt(0)!
  let first = codePoint
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--
  return String((codePoint - first) % 10)
}
