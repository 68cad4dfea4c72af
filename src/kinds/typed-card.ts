import { brandOf, hasValidCheckDigit } from './card-brand.ts'
import { asciiDigits, DASHES } from './digit-groups.ts'
import { withoutInvisible } from './typed.ts'

/*
 * What people type of a card. The pages of checkout sessions use it in the browser, so that a form takes what the vault takes.
 */

/** Digits with spaces and dashes between and around them, as people type and paste them; anything else is a mistake. */
const NUMBER_FORM = new RegExp(`^\\d(?:[\\s${DASHES}]*\\d)*$`, 'u')

/** ISO/IEC 7812-1: at most 19 digits. Only Maestro numbers are as short as 12. */
const MIN_DIGITS = 12
const MIN_DIGITS_OF_UNKNOWN_BRAND = 13
const MAX_DIGITS = 19
export const MAX_CHARACTERS = 100

/** UnionPay numbers need not have one; card-validator does not ask it of them either. */
const BRAND_WITHOUT_CHECK_DIGIT = 'unionpay'

/** No card is issued for longer; a later year is a mistake. */
const MAX_YEARS_AHEAD = 50

export type Expiry = { exp_month: number; exp_year: number }

/** Why a value is no card number, in a fixed sentence; undefined when it is one. */
export function numberFault(value: string): string | undefined {
  const digits = readNumber(value)
  if (value.length > MAX_CHARACTERS || !/^\d+$/.test(digits)) {
    return 'expected 12 to 19 digits, with nothing but spaces or dashes between them'
  }
  if (digits.length < MIN_DIGITS || digits.length > MAX_DIGITS) return 'expected 12 to 19 digits'
  if (/^(.)\1*$/.test(digits)) return 'is one digit repeated'
  const brand = brandOf(digits)
  const hasLength = brand?.lengths.includes(digits.length) ?? digits.length >= MIN_DIGITS_OF_UNKNOWN_BRAND
  if (!hasLength) return 'has the wrong number of digits for its brand'
  const needsCheckDigit = brand?.name !== BRAND_WITHOUT_CHECK_DIGIT
  return needsCheckDigit && !hasValidCheckDigit(digits) ? 'has a wrong check digit' : undefined
}

/** The ASCII digits of a number as it was typed; the text itself when it has anything but digits, spaces and dashes. */
export function readNumber(value: string): string {
  if (value.length > MAX_CHARACTERS) return value
  const typed = asciiDigits(withoutInvisible(value))
  return NUMBER_FORM.test(typed) ? typed.replace(/\D/g, '') : value
}

/** The ASCII digits of a security code as it was typed; the text itself when it has anything else. */
export function readCode(value: string): string {
  return asciiDigits(withoutInvisible(value))
}

/** Why a month is no expiry of a card; undefined when it is one. */
export function expiryFault({ exp_month, exp_year }: Expiry, today: Date): 'past' | 'far' | undefined {
  // JavaScript counts months from zero, so this is the first of the next month. It begins last at UTC-12.
  if (today.getTime() >= Date.UTC(exp_year, exp_month, 1, 12)) return 'past'
  return exp_year > today.getUTCFullYear() + MAX_YEARS_AHEAD ? 'far' : undefined
}
