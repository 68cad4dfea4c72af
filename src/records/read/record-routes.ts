import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { type Route, type RouteRequest, route } from '../../http/route.ts'
import { correctionsInWords } from '../../kinds/in-words.ts'
import { schemaName } from '../../kinds/schema-name.ts'
import { Sensitive } from '../../values/sensitive.ts'
import { correctRecord } from '../change/correct.ts'
import type { RecordDeps } from '../dependencies.ts'
import { askedInCorrection } from '../record/asked.ts'
import { CHANGE_PROBLEMS, RECORD_PROBLEMS } from '../record/record-problems.ts'
import { correctedRecordSchema, maskedRecordSchema, tokenParameter } from '../record/record-schemas.ts'
import { readRecord } from './read.ts'

/** The calls on existing records: masked read, correction. Each is parsed here and handed to its use case. */
export function createRecordRoutes(deps: RecordDeps): Route<Caller>[] {
  const { changeMembers } = deps.why
  const corrections = Object.values(deps.kinds).map(({ name, correction }) =>
    z.strictObject({ ...(correction as z.ZodObject).shape, ...changeMembers }).meta({
      id: schemaName(name, '*Correction'),
      description: `The fields of a record of the kind \`${name}\` to correct, at least one, and why`,
    }),
  )
  // The token says which kind is corrected, so the use case parses the correction.
  const correctionSchema = z.looseObject(changeMembers).transform(({ purpose, reason, ticket, ...fields }) => ({
    purpose,
    reason,
    ticket,
    changes: new Sensitive<unknown>(fields),
  }))

  return [
    route({
      method: 'GET',
      path: '/v1/tokens/:token',
      operationId: 'getRecord',
      tag: 'Records',
      summary: 'The masked view of a record',
      params: { token: tokenParameter },
      problems: [...RECORD_PROBLEMS, 'budget-spent'],
      access: ['token:read'],
      audited: true,
      provesCaller: true,
      responses: { 200: { description: 'the masked view', schema: maskedRecordSchema } },
      handle: async (request: RouteRequest<Caller, undefined>) => ({
        status: 200,
        body: await readRecord(deps, request.caller, { token: request.params.token ?? '' }, request),
      }),
    }),

    route<Caller, z.output<typeof correctionSchema>>({
      method: 'PATCH',
      path: '/v1/tokens/:token',
      operationId: 'correctRecord',
      tag: 'Records',
      description: `The body has the fields to correct beside \`purpose\`, \`reason\` and \`ticket\`. The number of a card
        cannot be corrected. \`disclosed_to\` lists the partners that were given an old value within a year; each gets a notice. A role may ask for a reason, a ticket or a purpose.`,
      params: { token: tokenParameter },
      problems: [...RECORD_PROBLEMS, ...CHANGE_PROBLEMS, 'card-expired'],
      summary: `Correct ${correctionsInWords()}; null removes an optional field`,
      access: ['token:correct'],
      audited: true,
      asked: askedInCorrection,
      body: correctionSchema,
      describedBody: z
        .union(corrections)
        .meta({ id: 'Correction', description: 'What to correct: the members of the kind that the token names' }),
      examples: {
        'Of an address': { line1: '80 Robinson Road', postal_code: '068898', reason: 'The shopper has moved' },
        'Of a card': { exp_month: 6, exp_year: 2033 },
      },
      responses: { 200: { description: 'the masked view of the new version', schema: correctedRecordSchema } },
      handle: async (request) => ({
        status: 200,
        body: await correctRecord(
          deps,
          request.caller,
          { ...request.body, token: request.params.token ?? '' },
          request,
        ),
      }),
    }),
  ]
}
