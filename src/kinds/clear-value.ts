import { z } from 'zod'
import { issue } from '../values/parse-input.ts'
import { hasValidCheckDigit, schemesOf } from './card-brand.ts'

const MIN_DIGITS = 13
const MAX_DIGITS = 19

/** RFC 9562 section 4, the ULID specification, and RFC 3339 section 5.6. */
const EXEMPT =
  /(?<![\p{L}\p{N}])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-7][0-9a-hjkmnp-tv-z]{25}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))(?![\p{L}\p{N}])/giu

/** Between two groups of one number: up to three characters that are neither letter nor digit. */
const CHAIN = /\d+(?:[^\p{L}\p{N}]{1,3}\d+)*/gu

/**
 * Whether a short value that is stored in the clear may be a card number: 13 to 19 digits with the prefix of a scheme
 * that names it at that length and a right check digit, in any grouping. Stricter than the rule for sealed text, since
 * everyone with the database reads these values. UUIDs, ULIDs and times do not count.
 */
export function mayBeCardNumber(value: string): boolean {
  const chains = value.normalize('NFKC').replace(EXEMPT, ' : ').match(CHAIN) ?? []
  return chains.some((chain) => {
    const groups = chain.match(/\d+/g) ?? []
    return groups.some((_, from) => {
      let digits = ''
      for (const group of groups.slice(from)) {
        digits += group
        if (digits.length > MAX_DIGITS) return false
        if (digits.length >= MIN_DIGITS && hasValidCheckDigit(digits) && schemesOf(digits).length > 0) return true
      }
      return false
    })
  })
}

/** A name that is stored in the clear, such as a version of the privacy policy. */
export const slug = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/, { abort: true })
  .refine((value) => !mayBeCardNumber(value), issue('card-number-in-text', 'remove the card number'))

/** A name and no number: it is stored in the clear for as long as the record exists. */
export const consentName = slug.regex(/[A-Za-z]/)
