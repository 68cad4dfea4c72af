import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { issue } from '../parse-input.ts'
import { text } from './text.ts'

/** E.164 allows 15 digits; the rest is for the brackets, spaces and dashes that people write between them. */
const MAX_CHARACTERS = 40

export const phone = text(MAX_CHARACTERS).describe('Telephone number, stored as sent and in E.164')

/**
 * The number in E.164, or undefined when it cannot be a telephone number: it then lacks its country code (which only
 * `country` can stand in for) or has a number of digits that the country does not use. Whether a range is in use is
 * not asked: numbering plans change faster than software, and a sale is not worth less for it.
 */
export function toE164(value: string, country?: string): string | undefined {
  const defaultCountry = country !== undefined && isSupportedCountry(country) ? country : undefined
  // What many dial, and write, for +.
  const international = value.replace(/^\s*00/, '+')
  const parsed = parsePhoneNumberFromString(international, { extract: false, ...withCountry(defaultCountry) })
  return parsed?.isPossible() ? parsed.number : undefined
}

export function phoneIssue(detail: string) {
  return { code: 'custom' as const, ...issue('invalid-input', detail, ['phone']) }
}

function withCountry(defaultCountry: CountryCode | undefined) {
  return defaultCountry === undefined ? {} : { defaultCountry }
}
