import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { purposes } from '../../access/policy/purpose.ts'
import { type Route, route } from '../../http/route.ts'
import { type ComparableName, comparableNames, comparisonOf } from '../../kinds/comparable.ts'
import { place } from '../../kinds/comparison.ts'
import type { Details } from '../../kinds/kind.ts'
import { optionalMembers } from '../../kinds/optional-members.ts'
import { issue } from '../../values/parse-input.ts'
import { Sensitive } from '../../values/sensitive.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { Idempotency, ReserveKey } from '../idempotency/idempotency.ts'
import { runOnce } from '../idempotency/run-once.ts'
import { askedIn } from '../record/asked.ts'
import { RECORD_PROBLEMS } from '../record/record-problems.ts'
import { tokenParameter } from '../record/record-schemas.ts'
import { type Comparison, matchRecord } from './match.ts'

const words = z.string().max(200)
const members = comparableNames.map((name) => [name, comparisonOf[name].input.optional()])
const values = z
  .strictObject(Object.fromEntries(members) as Record<ComparableName, z.ZodOptional<z.ZodType<string | Details>>>)
  .refine((given) => Object.keys(given).length > 0, issue('invalid-input', 'expected something to compare with'))
const name = z.enum(comparableNames)

const bodySchema = z
  .strictObject({
    ...optionalMembers({
      purpose: z.enum(purposes),
      fields: z.union([values, z.array(name).min(1).max(comparableNames.length)]),
      field: name,
      token: z.string().max(100),
    }),
    value: z.union([words, place]).nullish(),
  })
  .transform(({ purpose, fields, field, value: given, token }, context) => {
    const value = given ?? undefined
    const comparison = wayToCompare({
      fields,
      token,
      single: field && value !== undefined ? { [field]: value } : undefined,
    })
    if (comparison !== undefined && (field === undefined) === (value === undefined)) return { purpose, comparison }
    context.addIssue({
      code: 'custom',
      ...issue(
        'invalid-input',
        'expected fields with their values, a field and its value, or a token and names of fields',
      ),
    })
    return z.NEVER
  })

/** The three ways to say it, for the document of the API; the schema above takes each of them and says what is wrong in one way. */
const describedBody = z
  .union([
    z
      .strictObject({ purpose: z.enum(purposes).optional(), fields: values.meta({ id: 'ComparedValues' }) })
      .meta({ id: 'MatchByValues', description: 'Compares several values with the record' }),
    z
      .strictObject({
        purpose: z.enum(purposes).optional(),
        field: name,
        value: z
          .union([words, place])
          .meta({ id: 'ComparedValue', description: 'A text, or a place to compare with an address' }),
      })
      .meta({ id: 'MatchByValue', description: 'Compares one value with the record' }),
    z
      .strictObject({
        purpose: z.enum(purposes).optional(),
        token: z.string().max(100),
        fields: z.array(name).min(1).max(comparableNames.length).optional(),
      })
      .meta({
        id: 'MatchByToken',
        description: 'Compares another record with the record; default: in all that they share',
      }),
  ])
  .meta({ id: 'MatchRequest' })

/** `POST /v1/tokens/{token}/match`: an answer of yes or no instead of the data. */
export function createMatchRoutes(deps: RecordDeps & { idempotency: Idempotency }): Route<Caller>[] {
  return [
    route<Caller, z.output<typeof bodySchema>>({
      method: 'POST',
      path: '/v1/tokens/:token/match',
      operationId: 'matchRecord',
      tag: 'Records',
      description: `Three forms: \`fields\` with values, one \`field\` with its \`value\`, or another \`token\` with
        optional names in \`fields\`. The answer is \`{"matches": true}\` or \`{"matches": false}\`. Comparisons
        are limited for each caller and record.`,
      params: { token: tokenParameter },
      problems: [
        ...RECORD_PROBLEMS,
        'purpose-not-permitted',
        'fields-not-permitted',
        'purpose-not-notified',
        'consent-missing',
        'erasure-postponed',
        'condition-not-met',
        'too-many-requests',
        'budget-spent',
      ],
      summary: 'Say whether a record equals a value or another record, without releasing either',
      access: ['token:match'],
      audited: true,
      idempotent: true,
      asked: askedIn,
      body: bodySchema,
      describedBody,
      examples: {
        'Values of an address': {
          purpose: 'respond-to-query',
          fields: { postal_code: '048616', name: 'Tan Mei Ling' },
        },
        'One value': { purpose: 'respond-to-query', field: 'name', value: 'Tan Mei Ling' },
      },
      responses: {
        200: {
          description: 'whether everything that was compared is equal',
          schema: z.object({ matches: z.boolean() }).meta({ id: 'MatchAnswer' }),
        },
      },
      handle: (request) => {
        const input = { ...request.body, token: request.params.token ?? '' }
        const match = async (reserve?: ReserveKey, replayOf?: readonly string[]) => {
          return {
            status: 200,
            body: {
              matches: await matchRecord(deps, request.caller, input, request, { idempotency: reserve, replayOf }),
            },
          }
        }
        return runOnce<string[] | null>(deps, request, 'match', match, (first) => match(undefined, first ?? undefined))
      },
    }),
  ]
}

type Values = Partial<Record<ComparableName, string | Details | undefined>>

/** Exactly one of the three ways to say it; undefined for none and for several. */
function wayToCompare(given: {
  fields: z.output<typeof values> | ComparableName[] | undefined
  single: Values | undefined
  token: string | undefined
}): Comparison | undefined {
  const { fields, single, token } = given
  if (token !== undefined) {
    const names = fields === undefined || Array.isArray(fields) ? fields : null
    return single === undefined && names !== null ? { other: token, names } : undefined
  }
  if (Array.isArray(fields) || (fields === undefined) === (single === undefined)) return undefined
  const known: Values = fields ?? single ?? {}
  return { values: new Sensitive(known), names: comparableNames.filter((one) => known[one] !== undefined) }
}
