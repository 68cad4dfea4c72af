import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { issue } from '../parse-input.ts'
import { typedText } from './text.ts'
import { withoutInvisible } from './typed.ts'

/** E.164 allows 15 digits; the rest is for the brackets, spaces and dashes that people write between them. */
const MAX_CHARACTERS = 40

/** It is parsed as a telephone number, so no card number is looked for in it: many telephone numbers would pass for one. */
export const phone = typedText(MAX_CHARACTERS, withoutInvisible).describe(
  'Telephone number, stored as sent and in E.164',
)

/** The longest extensions of telephone systems have fewer digits; a card number has more. */
const MAX_EXTENSION_DIGITS = 8

/** ITU-T E.161: the letters on the keys of a telephone, from 2 to 9. */
const KEYS = ['abc', 'def', 'ghi', 'jkl', 'mno', 'pqrs', 'tuv', 'wxyz']

/** Digits first and then a word, as in +1 800 FLOWERS; `ext. 5` and other words in lower case are none. */
const VANITY = /^[+\d][\d\s().-]*[A-Z]{3}[A-Z\d\s().-]*$/

/**
 * The number in E.164, or undefined when it cannot be a telephone number: it then lacks its country code (which only
 * `country` can stand in for) or has a number of digits that the country does not use. Whether a range is in use is
 * not asked: numbering plans change faster than software, and a sale is not worth less for it.
 */
export function toE164(value: string, country?: string): string | undefined {
  const typed = withoutInvisible(value).replace(/\s/gu, ' ')
  // As it was typed first: the library knows how each country dials abroad, and where letters are no part of a number.
  const readings = [typed, withoutBrackets(typed), digitsOfLetters(typed)]
  const found = readings.map((reading) => parse(reading, country)).find((number) => number !== undefined)
  // ITU-T E.164 recommends 00 to dial abroad: it means + where the country dials otherwise, or is not known.
  const dialled = withoutBrackets(typed)
  return found ?? (dialled.startsWith('00') ? parse(`+${dialled.slice(2)}`, country) : undefined)
}

export function phoneIssue(detail: string) {
  return { code: 'custom' as const, ...issue('invalid-input', detail, ['phone']) }
}

function parse(reading: string, country: string | undefined): string | undefined {
  const parsed = parsePhoneNumberFromString(reading, { extract: false, ...withCountry(country) })
  if (parsed === undefined || (parsed.ext?.length ?? 0) > MAX_EXTENSION_DIGITS) return undefined
  return parsed.isPossible() ? parsed.number : undefined
}

/** `(+65) 6123 4567` is `+65 6123 4567`. */
function withoutBrackets(typed: string): string {
  return typed.replace(/^\(\s*(\+|00)\s*(\d{1,4})\s*\)/, '$1$2 ')
}

function digitsOfLetters(typed: string): string {
  if (!VANITY.test(typed)) return typed
  return typed.replace(/[A-Z]/g, (letter) =>
    String(2 + KEYS.findIndex((letters) => letters.includes(letter.toLowerCase()))),
  )
}

function withCountry(country: string | undefined): { defaultCountry?: CountryCode } {
  return country !== undefined && isSupportedCountry(country) ? { defaultCountry: country } : {}
}
