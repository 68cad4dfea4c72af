import { z } from 'zod'
import { issue } from '../values/parse-input.ts'
import { comparisons } from './comparison.ts'
import { correctionSchema, merge } from './correction.ts'
import { email, emailSearch } from './email.ts'
import { firstGrapheme, initials, initialsSchema } from './initials.ts'
import type { KindDefinition } from './kind.ts'
import { optionalMembers } from './optional-members.ts'
import { phone, phoneE164, phoneIssue, phoneSearch, toE164 } from './phone.ts'
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

const emailMasked = z
  .string()
  .optional()
  .meta({ description: 'The e-mail address with most of it hidden', examples: ['m•••@example.sg'] })

const FIELDS = ['name', 'email', 'phone', 'phone_e164'] as const

type ContactDetails = z.output<typeof schema> & { phone_e164?: string | undefined }

/** How to reach a shopper. */
export const contact = {
  name: 'contact',
  called: 'a contact',
  privacyTerms: ['pd:EmailAddress', 'pd:TelephoneNumber', 'pd:Name'],
  tokenPrefix: 'cont',
  checkout: { contact: {} },
  schema: () => schema,
  correction: correctionSchema({}, optional),
  correctedInput: ({ phone_e164: _derived, ...given }, correction) => merge(given, correction),
  fields: FIELDS,
  neededBy: {
    fulfilment: ['name', 'phone', 'phone_e164'],
    support: FIELDS,
    fraud: FIELDS,
    marketing: ['name', 'email'],
    legal: FIELDS,
    'privacy-officer': FIELDS,
  },
  padToBytes: 128,
  display: ({ name, email, phone_e164 }) => ({
    email_masked: email && maskEmail(email),
    phone_last2: phone_e164?.slice(-2),
    initials: initials(name),
  }),
  views: { masked: ['email_masked', 'phone_last2', 'initials'], initials: ['initials'] },
  mask: ({ email_masked, phone_last2, initials }) => ({
    email: email_masked,
    phone: phone_last2 && `••••${phone_last2}`,
    initials,
  }),
  searchBy: { email: emailSearch, phone: phoneSearch },
  comparable: { name: { ...comparisons.name, of: ({ name }) => name } },
  answers: {
    masked: z.object({
      email: emailMasked,
      phone: z
        .string()
        .optional()
        .meta({ description: 'The telephone number with all but its last two digits hidden', examples: ['••••56'] }),
      initials: initialsSchema,
    }),
    revealed: z
      .object({
        ...optional,
        phone_e164: phoneE164,
        email_masked: emailMasked,
        phone_last2: z.string().meta({ description: 'The last two digits of the telephone number', examples: ['56'] }),
        initials: initialsSchema,
      })
      .partial(),
  },
} as const satisfies KindDefinition<ContactDetails>

/** "mei@example.sg" → "m•••@example.sg". */
function maskEmail(value: string): string {
  return `${firstGrapheme(value)}•••${value.slice(value.lastIndexOf('@'))}`
}
