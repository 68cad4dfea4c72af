import { z } from 'zod'
import { purposes } from '../access/purpose.ts'
import { mayBeCardNumber } from '../kinds/clear-value.ts'
import { optionalMembers } from '../kinds/optional-members.ts'
import { text } from '../kinds/text.ts'
import { issue } from '../parse-input.ts'

const reasonSchema = text(500).describe('why; kept sealed beside the audit event')
/** A number of somebody's system and no text: it stands in the audit log for ever. */
const ticketSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._#/-]{0,63}$/)
  .refine((value) => !mayBeCardNumber(value), issue('card-number-in-text', 'remove the card number'))
  .describe('the ticket or case that asks for it; stands in the audit event')
/** A phone number has more; a house, a precinct or a year has not. */
const MAX_DIGITS = 6
/** The name of a body and of no person: it stands in the audit log for ever. */
const authoritySchema = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,'’&()/-]{0,99}$/u)
  .refine((value) => !mayBeCardNumber(value), issue('card-number-in-text', 'remove the card number'))
  .refine((value) => (value.match(/\p{N}/gu) ?? []).length <= MAX_DIGITS, issue('invalid-input', 'is no name'))
  .overwrite((value) => value.normalize('NFC'))
  .describe('the authority that asks, by its name and no person’s; stands in the audit event')
/** The members by which a request says what for and why it asks. */
export const whyMembers = {
  purpose: z.enum(purposes),
  ...optionalMembers({
    reason: reasonSchema,
    ticket: ticketSchema,
    authority: authoritySchema,
  }),
}

/** Likewise for a change, which need not say it unless the role wants it. */
export const changeMembers = optionalMembers({
  purpose: whyMembers.purpose.describe('what for; stands in the audit event'),
  reason: reasonSchema,
  ticket: ticketSchema,
})
