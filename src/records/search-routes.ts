import { z } from 'zod'
import type { Caller } from '../access/caller.ts'
import { type Route, route } from '../http/route.ts'
import { Sensitive } from '../sensitive.ts'
import type { RecordDeps } from './dependencies.ts'
import type { Claim, Idempotency } from './idempotency.ts'
import { runOnce } from './run-once.ts'
import { searchByValue } from './search.ts'
import { whyMembers } from './why.ts'

const value = z
  .string()
  .min(1)
  .max(320)
  .transform((text) => new Sensitive(text))

/** To find the card of a number is to confirm the number: it needs what revealing the number needs. */
const searchSchema = z.discriminatedUnion('by', [
  z.strictObject({ by: z.enum(['customer', 'email', 'phone']), value }),
  z.strictObject({ by: z.literal('card_number'), value, ...whyMembers }),
])

const view = z.record(z.string(), z.unknown()).meta({ description: 'the masked view of a record' })

/** `POST /v1/search`: a POST, so that no value is in a URL. */
export function createSearchRoutes(deps: RecordDeps & { idempotency: Idempotency }): Route<Caller>[] {
  return [
    route<Caller, z.output<typeof searchSchema>>({
      method: 'POST',
      path: '/v1/search',
      summary: 'Find records by the exact customer, e-mail, phone or card number',
      access: ['token:search'],
      audited: true,
      idempotent: true,
      body: searchSchema,
      responses: {
        200: {
          description: 'masked views, newest first; one that does not open carries a code instead',
          schema: z.object({ results: z.array(view), truncated: z.boolean() }),
        },
      },
      handle: (request) => {
        const search = async (claim?: Claim) => {
          const idempotency = claim && (() => claim(null))
          return {
            status: 200,
            body: await searchByValue(deps, request.caller, request.body, request, { idempotency }),
          }
        }
        return runOnce<null>(deps, request, 'search', search, () => search())
      },
    }),
  ]
}
