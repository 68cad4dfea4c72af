import { z } from 'zod'
import { issue, parseInput } from '../parse-input.ts'
import { holdsCardNumber } from './card-number.ts'
import { correctionSchema, merge } from './correction.ts'
import { firstGrapheme, initials } from './initials.ts'
import type { Kind, SearchTerm } from './kind.ts'
import { optionalMembers } from './optional-members.ts'
import { phone, phoneIssue, toE164 } from './phone.ts'
import { text } from './text.ts'
import { withoutInvisible } from './typed.ts'

/** RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.3, the latter without the angle brackets. */
const MAX_LOCAL_PART = 64
const MAX_EMAIL = 254

/**
 * One @, something before it, and a domain with a dot: what is deliverable only its server knows. Addresses with unusual
 * local parts and in other scripts exist, and are no reason to lose a sale.
 */
const EMAIL_FORM = /^[^\s@\p{C}]+@(?:[^\s@\p{C}.]|[\u200C\u200D])+(?:\.(?:[^\s@\p{C}.]|[\u200C\u200D])+)+$/u

const email = z
  .string()
  .overwrite(withoutInvisible)
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

const optional = {
  name: text(100).meta({ description: 'Full name', examples: ['Tan Mei Ling'] }),
  email,
  phone: phone.meta({ description: 'Telephone number with + and country code', examples: ['+65 6123 4567'] }),
}

const schema = z
  .strictObject(optionalMembers(optional))
  .refine(
    ({ name, email, phone }) => name !== undefined || email !== undefined || phone !== undefined,
    issue('invalid-input', 'expected a name, an e-mail address or a telephone number'),
  )
  .transform((contact, context) => {
    if (contact.phone === undefined) return contact
    const phone_e164 = toE164(contact.phone)
    if (phone_e164 !== undefined) return { ...contact, phone_e164 }
    context.addIssue(phoneIssue('expected a telephone number with + and its country code'))
    return z.NEVER
  })

export type ContactDetails = z.output<typeof schema> & { phone_e164?: string | undefined }

/** How to reach a shopper. */
export const contactKind: Kind<ContactDetails> = {
  name: 'contact',
  tokenPrefix: 'cont',
  schema,
  correction: correctionSchema({}, optional),
  correct: ({ phone_e164: _derived, ...given }, correction) => parseInput(schema, merge(given, correction)),
  fields: ['name', 'email', 'phone', 'phone_e164'],
  padToBytes: 128,
  display: ({ name, email, phone_e164 }) => ({
    email_masked: email && maskEmail(email),
    phone_last2: phone_e164?.slice(-2),
    initials: initials(name),
  }),
  mask: ({ email_masked, phone_last2, initials }) => ({
    email: email_masked,
    phone: phone_last2 && `••••${phone_last2}`,
    initials,
  }),
  terms: ({ email, phone_e164 }) => {
    const terms: SearchTerm[] = []
    if (email !== undefined) terms.push({ type: 'email', value: normaliseEmail(email) })
    if (phone_e164 !== undefined) terms.push({ type: 'phone', value: phone_e164 })
    return terms
  },
  normalise: (type, value) => {
    if (type === 'phone') return toE164(value)
    const normalised = normaliseEmail(value)
    return type === 'email' && email.safeParse(normalised).success ? normalised : undefined
  },
}

/** RFC 5321 section 2.4 lets a host tell upper from lower case before the @; none that shoppers use does. */
function normaliseEmail(value: string): string {
  return value.normalize('NFC').trim().toLowerCase()
}

/** "mei@example.sg" → "m•••@example.sg". */
function maskEmail(value: string): string {
  return `${firstGrapheme(value)}•••${value.slice(value.lastIndexOf('@'))}`
}
