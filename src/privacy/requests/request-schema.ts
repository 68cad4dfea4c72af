import { z } from 'zod'
import { optionalMembers } from '../../kinds/optional-members.ts'
import { text } from '../../kinds/text.ts'
import { customerSchema } from '../../records/tokenize/checkout-schema.ts'
import { knownValues } from '../../values/known-values.ts'
import { issue } from '../../values/parse-input.ts'
import { JURISDICTIONS, jurisdictionNames, requestKinds } from './jurisdictions.ts'
import { identityMethods, requestStates } from './privacy-request.ts'

const identity = z
  .strictObject({
    method: z.enum(identityMethods).describe('how the shopper proved who they are'),
    at: z.iso.datetime({ offset: true }).describe('when, RFC 3339'),
    by: text(100).describe('the person or program that looked at the proof'),
  })
  .meta({ id: 'IdentityProof', description: 'How the shop made sure that the shopper is who they say' })

const assignee = text(100).describe('the person in charge')
const note = text(2000).describe('what the shopper asks for in detail; it is sealed')
const laws = Object.entries(JURISDICTIONS)
  .map(([name, { law }]) => `\`${name}\`: ${law}`)
  .join('; ')

/** The body of `POST /v1/requests`. */
export const newRequestSchema = z
  .strictObject({
    kind: z.enum(requestKinds).describe('what the shopper asks for'),
    customer: customerSchema,
    ...optionalMembers({
      jurisdiction: z
        .enum(jurisdictionNames)
        .describe(`the law that says until when it must be answered; default: other. ${laws}`),
      identity,
      assignee,
      note,
    }),
  })
  .meta({ id: 'NewPrivacyRequest', description: 'What a shopper asks for' })

export type NewRequest = z.output<typeof newRequestSchema>

/** The body of `PATCH /v1/requests/{id}`. */
export const requestChangeSchema = z
  .strictObject(
    optionalMembers({
      state: z.enum(requestStates).describe('`done` and `refused` close the request'),
      identity,
      assignee,
      note,
      reason: text(500).describe('why it is refused, or answered later'),
      extend: z.boolean().describe('answers it later, once, where the law allows that; needs `reason`'),
    }),
  )
  .refine((change) => Object.values(change).some((value) => value !== undefined && value !== false), {
    ...issue('invalid-input', 'expected something to change'),
  })
  .meta({ id: 'PrivacyRequestChange', description: 'What changes of a request' })

export type RequestChange = z.output<typeof requestChangeSchema>

const time = z.iso.datetime().meta({ examples: ['2026-11-24T10:00:00.000Z'] })

/** A request as answers show it. */
export const requestSchema = z
  .object({
    id: z.string().meta({ description: 'the id of the request', examples: ['privacy_3v8m2q7x0k5n1r6t9w4y2b8d3f'] }),
    kind: knownValues(requestKinds),
    customer: z.string().describe("the shop's own reference for the shopper"),
    jurisdiction: knownValues(jurisdictionNames),
    state: knownValues(requestStates),
    identity: z
      .object({ method: knownValues(identityMethods), at: z.string(), by: z.string() })
      .optional()
      .describe('how identity was proved; left out while it was not'),
    assignee: z.string().optional(),
    note: z.string().optional(),
    reason: z.string().optional(),
    created_at: time,
    due_at: time.describe('until when it must be answered'),
    closed_at: time.optional(),
    overdue: z.boolean().describe('whether it should have been answered by now'),
  })
  .meta({ id: 'PrivacyRequest', description: 'A request of a shopper' })
