import { domainToASCII, domainToUnicode } from 'node:url'
import { z } from 'zod'
import { issue } from '../values/parse-input.ts'
import { holdsCardNumber } from './card-number.ts'
import type { SearchBy } from './kind.ts'
import { withoutInvisible } from './typed.ts'

/** RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.3, the latter without the angle brackets. */
const MAX_LOCAL_PART = 64
const MAX_EMAIL = 254

/**
 * One @, something before it, and a domain with a dot. Only the mail server knows whether an address is deliverable.
 * Unusual local parts and other scripts are accepted, so that no sale is lost.
 */
const EMAIL_FORM = /^[^\s@\p{C}]+@(?:[^\s@\p{C}.]|[\u200C\u200D])+(?:\.(?:[^\s@\p{C}.]|[\u200C\u200D])+)+$/u

export const email = z
  .string()
  .overwrite(asTyped)
  .max(MAX_EMAIL)
  .regex(EMAIL_FORM)
  .refine((value) => value.lastIndexOf('@') <= MAX_LOCAL_PART, {
    ...issue('invalid-input', `expected at most ${MAX_LOCAL_PART} characters before the @`),
  })
  .refine((value) => !holdsCardNumber(value.slice(0, value.lastIndexOf('@'))), {
    ...issue('card-number-in-text', 'remove the card number'),
  })
  .overwrite((value) => value.normalize('NFC'))
  .meta({ description: 'E-mail address', format: 'email', examples: ['mei@example.sg'] })

/** What keyboards for Chinese and Japanese type in the place of the @ and the dot (UTS #46 section 2.3). */
const WIDE_AT = /^[^@\uFF20]+\uFF20[^@\uFF20]+$/u
const WIDE_DOTS = /[\u3002\uFF0E\uFF61]/gu

function asTyped(value: string): string {
  const typed = withoutInvisible(value)
  const plain = WIDE_AT.test(typed) ? typed.replace('\uFF20', '@') : typed
  const { local, domain } = divide(plain)
  return local === '' ? plain : `${local}@${domain.replace(WIDE_DOTS, '.')}`
}

/**
 * A domain that can be converted. The converter is made for URLs, and would also convert texts that are not domains.
 */
const INTERNATIONAL_DOMAIN = /^(?=.*(?:[^\u0000-\u007F]|xn--))(?:[a-z0-9.-]|[^\u0000-\u007F])+$/iu

/**
 * The forms of an e-mail address that records are found by. Today's comes first: lower case, the domain in A-labels
 * (UTS #46), so that both spellings of a mailbox are one. Earlier versions kept the spelling of the domain, in lower
 * case. RFC 5321 section 2.4 lets a host distinguish upper and lower case before the @. No host that shoppers use does
 * so.
 */
export function emailForms(address: string): [string, ...string[]] {
  const kept = address.normalize('NFC').toLowerCase()
  const { local, domain } = divide(kept)
  if (!INTERNATIONAL_DOMAIN.test(domain)) return [kept]
  const ascii = domainToASCII(domain)
  if (ascii === '') return [kept]
  return [...new Set([`${local}@${ascii}`, kept, `${local}@${domainToUnicode(ascii)}`])] as [string, ...string[]]
}

/** Finds the records that have an e-mail address. */
export const emailSearch = {
  called: 'e-mail',
  term: (details) => (details.email === undefined ? undefined : emailForms(details.email)[0]),
  normalise: (value) => {
    const parsed = email.safeParse(value)
    return parsed.success ? emailForms(parsed.data) : []
  },
} as const satisfies SearchBy<{ email?: string | undefined }>

function divide(address: string): { local: string; domain: string } {
  const at = address.lastIndexOf('@')
  return { local: address.slice(0, Math.max(at, 0)), domain: address.slice(at + 1) }
}
