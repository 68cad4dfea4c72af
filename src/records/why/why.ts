import { z } from 'zod'
import { purposes } from '../../access/policy/purpose.ts'
import { mayBeCardNumber } from '../../kinds/clear-value.ts'
import { optionalMembers } from '../../kinds/optional-members.ts'
import { text } from '../../kinds/text.ts'
import { issue } from '../../values/parse-input.ts'
import { MAX_TICKET } from './ticket-pattern.ts'

/** What an operator asks of tickets and authorities, in addition to the vault's own rules. */
export interface WhyRules {
  /** What a whole ticket must match. Default: letters, digits and `._#/-`, with at least one digit. */
  ticket?: RegExp | undefined
  /** The authorities that may ask, by their names. Default: any. */
  authorities?: readonly string[] | undefined
}

export type Why = ReturnType<typeof createWhy>

const noCardNumber = (value: string) => !mayBeCardNumber(value)
const CARD_NUMBER = issue('card-number-in-text', 'remove the card number')

const TICKET = /^(?=.*\d)[A-Za-z0-9][A-Za-z0-9._#/-]*$/

/** A phone number has more digits. The number of a house, a precinct or a year has fewer. */
const MAX_DIGITS = 6

/** Name of the requesting authority (an organisation, never a person). Stored in clear in the audit log permanently. */
export const authorityName = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,'’&()/-]{0,99}$/u)
  .refine(noCardNumber, CARD_NUMBER)
  .refine((value) => (value.match(/\p{N}/gu) ?? []).length <= MAX_DIGITS, issue('invalid-input', 'is not a name'))
  .overwrite((value) => value.normalize('NFC'))

/** The members with which a request says why it asks. */
export function createWhy({ ticket = TICKET, authorities }: WhyRules = {}) {
  const reason = text(500).describe('the reason; stored sealed beside the audit event')
  const ticketSchema = z
    .string()
    .max(MAX_TICKET, { abort: true })
    // The number of a case in another system, and no text. Stored in clear in the audit log permanently.
    .regex(/^[!-~]+$/, { abort: true })
    .refine((value) => ticket.test(value), issue('invalid-input', 'is not in the form of a ticket'))
    .refine(noCardNumber, CARD_NUMBER)
    .describe('the ticket or case that asks for it; it is in the audit event in the clear')
  const authority = listed(authorities).describe(
    'the name of the authority that asks, never of a person; it is in the audit event in the clear',
  )
  const purpose = z.enum(purposes)
  return {
    whyMembers: { purpose, ...optionalMembers({ reason, ticket: ticketSchema, authority }) },
    /** The same for a change, which needs it only if the role demands it. */
    changeMembers: optionalMembers({
      purpose: purpose.describe('what the change is for; it is in the audit event'),
      reason,
      ticket: ticketSchema,
    }),
  }
}

/** One of the names, however its letters are written; it is kept as the list writes it. */
function listed(authorities: readonly string[] | undefined) {
  if (authorities === undefined) return authorityName
  const names = new Map(authorities.map((name) => [folded(name), name]))
  return authorityName
    .refine((value) => names.has(folded(value)), issue('invalid-input', 'is none of the authorities that may ask'))
    .overwrite((value) => names.get(folded(value)) ?? value)
}

function folded(name: string): string {
  return name.normalize('NFC').toLowerCase()
}
