import { z } from 'zod'
import { issue, parseInput } from '../values/parse-input.ts'
import { correctionSchema, merge } from './correction.ts'
import { email, emailForms } from './email.ts'
import { firstGrapheme, initials } from './initials.ts'
import type { Kind, SearchTerm } from './kind.ts'
import { optionalMembers } from './optional-members.ts'
import { phone, phoneIssue, phoneTerms, toE164 } from './phone.ts'
import { text } from './text.ts'

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
    if (email !== undefined) terms.push({ type: 'email', value: emailForms(email)[0] })
    if (phone_e164 !== undefined) terms.push({ type: 'phone', value: phone_e164 })
    return terms
  },
  normalise: (type, value) => {
    if (type === 'phone') return phoneTerms(value)
    const parsed = type === 'email' ? email.safeParse(value) : undefined
    return parsed?.success ? emailForms(parsed.data) : []
  },
}

/** "mei@example.sg" → "m•••@example.sg". */
function maskEmail(value: string): string {
  return `${firstGrapheme(value)}•••${value.slice(value.lastIndexOf('@'))}`
}
