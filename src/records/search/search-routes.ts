import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { type Route, route } from '../../http/route.ts'
import { searchTypesInWords } from '../../kinds/in-words.ts'
import { confirmedBy, confirmingTypes, searchTypes } from '../../kinds/kinds.ts'
import { optionalMembers } from '../../kinds/optional-members.ts'
import { issue } from '../../values/parse-input.ts'
import { Sensitive } from '../../values/sensitive.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { Idempotency, ReserveKey } from '../idempotency/idempotency.ts'
import { runOnce } from '../idempotency/run-once.ts'
import { askedIn } from '../record/asked.ts'
import { foundRecordSchema } from '../record/record-schemas.ts'
import type { Why } from '../why/why.ts'
import { type SearchRequest, searchByValue } from './search.ts'

const value = z
  .string()
  .min(1)
  .max(320)
  .transform((text) => new Sensitive(text))

const confirming = confirmingTypes.join(' and ')

/**
 * A hit by card number confirms the number. So this search needs what revealing the number needs, and no other search
 * does.
 */
function createSearchSchema({ whyMembers: { purpose, ...why } }: Why) {
  return z
    .strictObject({
      by: z.enum(searchTypes),
      value,
      ...optionalMembers({
        purpose: purpose.describe(`what the search is for; required for ${confirming} and accepted only there`),
      }),
      ...why,
    })
    .transform((body, context): SearchRequest => {
      const { by, value, purpose, ...reasons } = body
      if (confirmedBy(by) !== undefined) {
        if (purpose !== undefined) return { by, value, why: { purpose, ...reasons } }
        context.addIssue({
          code: 'custom',
          ...issue('invalid-input', `is needed to search by ${by.replace('_', ' ')}`, ['purpose']),
        })
      } else {
        if ([purpose, ...Object.values(reasons)].every((member) => member === undefined)) return { by, value }
        context.addIssue({ code: 'custom', ...issue('unknown-member', `has a member that is only for ${confirming}`) })
      }
      return z.NEVER
    })
    .meta({ id: 'SearchRequest', description: 'What records are looked for' })
}

const resultsSchema = z
  .object({
    results: z.array(foundRecordSchema),
    truncated: z.boolean().describe('Whether there are more than these'),
  })
  .meta({ id: 'SearchResults' })

/** `POST /v1/search`: a POST, so that no value is in a URL. */
export function createSearchRoutes(deps: RecordDeps & { idempotency: Idempotency }): Route<Caller>[] {
  const body = createSearchSchema(deps.why)
  return [
    route<Caller, z.output<typeof body>>({
      method: 'POST',
      path: '/v1/search',
      operationId: 'searchRecords',
      tag: 'Records',
      description: `The answer has at most 100 masked views; \`truncated\` says whether there are more. A search by
        \`card_number\` needs what revealing the number needs, and \`purpose\`: to find the card is to confirm
        its number.`,
      problems: [
        'record-changed',
        'record-integrity',
        'card-search-off',
        'purpose-not-permitted',
        'fields-not-permitted',
        'condition-not-met',
        'too-many-requests',
        'budget-spent',
      ],
      examples: { 'By customer': { by: 'customer', value: 'cus_1042' } },
      summary: `Find records by the exact ${searchTypesInWords()}`,
      access: ['token:search'],
      audited: true,
      idempotent: true,
      asked: askedIn,
      body,
      responses: {
        200: {
          description: 'masked views, the newest first; a record that does not open has a code instead',
          schema: resultsSchema,
        },
      },
      handle: (request) => {
        const search = async (reserve?: ReserveKey, replayOf?: string) => {
          return {
            status: 200,
            body: await searchByValue(deps, request.caller, request.body, request, { idempotency: reserve, replayOf }),
          }
        }
        return runOnce<string | null>(deps, request, 'search', search, (first) => search(undefined, first ?? undefined))
      },
    }),
  ]
}
