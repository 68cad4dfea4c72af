import { createRequire } from 'node:module'
import type * as phoneNumbers from 'libphonenumber-js/min'
import type { CountryCode, PhoneNumber } from 'libphonenumber-js/min'
import { z } from 'zod'
import { issue } from '../values/parse-input.ts'
import { asciiDigits } from './digit-groups.ts'
import type { SearchBy } from './kind.ts'
import { typedText } from './text.ts'
import { withoutInvisible } from './typed.ts'

const require = createRequire(import.meta.url)
let loaded: typeof phoneNumbers | undefined
/** Loaded at its first use: it is large, and most commands never use it. */
const library = (): typeof phoneNumbers => (loaded ??= require('libphonenumber-js/min'))

/** E.164 allows 15 digits; the rest is for the brackets, spaces and dashes that people write between them. */
const MAX_CHARACTERS = 40

/** It is parsed as a telephone number, so no card number is looked for in it: many telephone numbers would pass for one. */
export const phone = typedText(MAX_CHARACTERS, withoutInvisible).describe(
  'Telephone number, stored as sent and in E.164',
)

/** As it is kept beside what was sent. */
export const phoneE164 = z.string().meta({ description: 'Telephone number in E.164', examples: ['+6561234567'] })

/** The longest extensions of telephone systems have fewer digits; a card number has more. */
const MAX_EXTENSION_DIGITS = 8

/** ITU-T E.161: the letters on the keys of a telephone, from 2 to 9. */
const KEYS = ['abc', 'def', 'ghi', 'jkl', 'mno', 'pqrs', 'tuv', 'wxyz']

/** Digits first and then a word, as in +1 800 FLOWERS. Fewer than three letters are not a word, and neither is `ext`. */
const VANITY = /^[+\d][\d\s().-]*[a-z][a-z\d\s().-]*$/i
const MIN_LETTERS = 3

/** How a telephone link begins (RFC 3966), and how people label a number. */
const LABEL = /^tel(?:\.:?|:|\s)\s*/i

const DOTS = /[\u00B7\u2022\u2027\u2219\u30FB]/g

/**
 * What people of a country dial or still write, and the library's metadata does not have: carriers' prefixes to dial
 * abroad, and the Mexican prefixes of mobile telephones, which were abolished in August 2019.
 */
const FURTHER_PREFIXES: Partial<Record<CountryCode, readonly (readonly [RegExp, string])[]>> = {
  ID: [[/^(?:00[1789]|0101\d)(?=\s*[1-9])/, '+']],
  JP: [[/^00\d{1,4}\s*-?\s*010/, '+']],
  MX: [[/^(?:01|04[45])\s*-?\s*(?=[1-9])/, '+52']],
}

/** `+52 1` came before a mobile telephone of Mexico when it was called from abroad; messengers still write it so. */
const MEXICAN_MOBILE = /^(\+|00)\s*52\s*-?\s*1(?=(?:[\s()-]*\d){10}$)/

/**
 * The number in E.164, or undefined if it cannot be a telephone number: it then lacks its country code (which only
 * `country` can replace) or has a number of digits that the country does not use. Whether a range is in use is not
 * checked: numbering plans change faster than software. It only decides between several readings of the text.
 */
export function toE164(value: string, country?: string): string | undefined {
  const typed = asciiDigits(withoutInvisible(value)).replace(/\s/gu, ' ').replace(DOTS, '.').replace(LABEL, '')
  const readings = [...readingsOf(typed, country)].flatMap((reading) => parse(reading, country) ?? [])
  const likely = readings.filter((number) => number.isValid() && !number.nationalNumber.startsWith('00'))
  return (likely.find((number) => number.country === country) ?? likely[0] ?? readings[0])?.number
}

/** The possible readings of a typed text, the likeliest first. */
function readingsOf(typed: string, country: string | undefined): Set<string> {
  const further = FURTHER_PREFIXES[country as CountryCode] ?? []
  const plain = withoutBrackets(typed)
  return new Set([
    ...further.flatMap(([prefix, replacement]) => (prefix.test(plain) ? plain.replace(prefix, replacement) : [])),
    // The text as it was typed. The library knows how each country dials abroad, and where letters are not part of a
    // number.
    typed,
    plain,
    plain.replace(MEXICAN_MOBILE, (_, abroad: string) => `${abroad}52`),
    digitsOfLetters(typed),
    ...(isAmbiguousAbroad(plain, country) ? [] : [plain.replace(/^00\s*(?=[1-9])/, '+')]),
  ])
}

/**
 * ITU-T E.164 recommends 00 to dial abroad: it means + if the country dials otherwise, or is unknown. In a dozen
 * countries it is 001, though, so without a country the number after it may belong to two people.
 */
function isAmbiguousAbroad(typed: string, country: string | undefined): boolean {
  if (countryOf(country) !== undefined) return false
  return typed.startsWith('001') && parse(`+${typed.slice(3).trim()}`, undefined) !== undefined
}

/** Finds the records that have a telephone number, by its E.164 form. */
export const phoneSearch = {
  called: 'phone',
  term: ({ phone_e164 }) => phone_e164,
  normalise: (value) => {
    const number = toE164(value)
    return number === undefined ? [] : [number]
  },
} as const satisfies SearchBy<{ phone_e164?: string | undefined }>

export function phoneIssue(detail: string) {
  return { code: 'custom' as const, ...issue('invalid-input', detail, ['phone']) }
}

function parse(reading: string, country: string | undefined): PhoneNumber | undefined {
  const defaultCountry = countryOf(country)
  const parsed = library().parsePhoneNumberFromString(reading, {
    extract: false,
    ...(defaultCountry ? { defaultCountry } : {}),
  })
  if (parsed === undefined || (parsed.ext?.length ?? 0) > MAX_EXTENSION_DIGITS) return undefined
  return parsed.isPossible() ? parsed : undefined
}

/** `(+65) 6123 4567` is `+65 6123 4567`. */
function withoutBrackets(typed: string): string {
  return typed.replace(/^\(\s*(\+|00)\s*(\d{1,4})\s*\)/, '$1$2 ')
}

function digitsOfLetters(typed: string): string {
  if (!VANITY.test(typed) || /ext/i.test(typed) || (typed.match(/[a-z]/gi) ?? []).length < MIN_LETTERS) return typed
  return typed
    .toLowerCase()
    .replace(/[a-z]/g, (letter) => String(2 + KEYS.findIndex((letters) => letters.includes(letter))))
}

function countryOf(country: string | undefined): CountryCode | undefined {
  return country !== undefined && library().isSupportedCountry(country) ? country : undefined
}
