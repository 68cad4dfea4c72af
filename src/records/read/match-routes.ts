import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { purposes } from '../../access/policy/purpose.ts'
import { type Route, route } from '../../http/route.ts'
import { type ComparableName, comparableNames, comparisonOf } from '../../kinds/comparable.ts'
import { place } from '../../kinds/comparison.ts'
import type { Details } from '../../kinds/kind.ts'
import { issue } from '../../values/parse-input.ts'
import { Sensitive } from '../../values/sensitive.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { Idempotency, ReserveKey } from '../idempotency/idempotency.ts'
import { runOnce } from '../idempotency/run-once.ts'
import { askedIn } from '../record/asked.ts'
import { type Comparison, matchRecord } from './match.ts'

const words = z.string().max(200)
const members = comparableNames.map((name) => [name, comparisonOf[name].input.optional()])
const values = z
  .strictObject(Object.fromEntries(members) as Record<ComparableName, z.ZodOptional<z.ZodType<string | Details>>>)
  .refine((given) => Object.keys(given).length > 0, issue('invalid-input', 'expected something to compare with'))
const name = z.enum(comparableNames)

const bodySchema = z
  .strictObject({
    purpose: z.enum(purposes).optional(),
    fields: z.union([values, z.array(name).min(1).max(comparableNames.length)]).optional(),
    field: name.optional(),
    value: z.union([words, place]).optional(),
    token: z.string().max(100).optional(),
  })
  .transform(({ purpose, fields, field, value, token }, context) => {
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

/** `POST /v1/tokens/{token}/match`: an answer of yes or no instead of the data. */
export function createMatchRoutes(deps: RecordDeps & { idempotency: Idempotency }): Route<Caller>[] {
  return [
    route<Caller, z.output<typeof bodySchema>>({
      method: 'POST',
      path: '/v1/tokens/:token/match',
      summary: 'Say whether a record equals a value or another record, without releasing either',
      access: ['token:match'],
      audited: true,
      idempotent: true,
      asked: askedIn,
      body: bodySchema,
      responses: {
        200: {
          description: 'whether everything that was compared is equal',
          schema: z.object({ matches: z.boolean() }),
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
