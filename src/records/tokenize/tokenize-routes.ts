import { z } from 'zod'
import type { CardVelocity } from '../../access/limits/card-velocity.ts'
import type { Caller } from '../../access/policy/caller.ts'
import { IN_CHECKOUT_SESSION } from '../../access/policy/grant.ts'
import { problemDocument } from '../../http/documents/problem-document.ts'
import { writeLongList } from '../../http/json.ts'
import { type Route, type RouteRequest, route } from '../../http/route.ts'
import type { Problem } from '../../values/problem.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { Idempotency } from '../idempotency/idempotency.ts'
import { replayEvents, runOnce } from '../idempotency/run-once.ts'
import { checkoutSchema, tokenizedSchema } from './checkout-schema.ts'
import type { Checkout } from './tokenize.ts'
import { type BatchAnswer, tokenizeBatch } from './tokenize-batch.ts'
import { tokenizeOnce, tokensIn } from './tokenize-once.ts'

const resultsSchema = z.object({ results: z.array(z.looseObject({ status: z.int() })) })

/** `POST /v1/tokenize`, and its batch. */
export function createTokenizeRoutes(
  deps: RecordDeps & { idempotency: Idempotency; cardVelocity: CardVelocity },
): Route<Caller>[] {
  const limit: Route<Caller>['limit'] = ({ caller, source, body }) =>
    deps.cardVelocity.consume(caller, source.network, cardsIn(body))
  const checkout = checkoutSchema(deps.kinds)
  // Parsed one by one, so that a bad one does not hold up the others; described as what each of them is.
  const item = z
    .unknown()
    .meta(z.toJSONSchema(checkout, { io: 'input', target: 'openapi-3.0' }) as Record<string, unknown>)

  return [
    route<Caller, Checkout>({
      method: 'POST',
      path: '/v1/tokenize',
      summary: 'Store the parts of a checkout, all or none, and get their tokens',
      access: ['tokenize', IN_CHECKOUT_SESSION],
      audited: true,
      answersOlder: true,
      idempotent: true,
      limit,
      body: checkout,
      responses: { 201: { description: 'the tokens and masked views', schema: tokenizedSchema } },
      handle: (request) => tokenizeOnce(deps, request),
    }),

    route({
      method: 'POST',
      path: '/v1/tokenize/batch',
      summary: 'Store up to 1,000 checkouts; each succeeds or fails by itself',
      access: ['tokenize'],
      audited: true,
      answersOlder: true,
      idempotent: true,
      limit,
      body: z.strictObject({ items: z.array(item).min(1).max(1000) }),
      responses: {
        200: { description: 'one result for each item, in order, each with its own status', schema: resultsSchema },
      },
      handle: (request: RouteRequest<Caller, { items: unknown[] }>) =>
        runOnce<BatchAnswer | BatchAnswer['results']>(
          deps,
          request,
          'tokenize-batch',
          async (reserve) => {
            const refused = (problem: Problem) => problemDocument(problem, request.requestId, deps.issuer)
            const input = { items: request.body.items, schema: checkout, refused }
            const { results } = await tokenizeBatch(deps, request.caller, input, request, reserve)
            return { status: 200, body: await writeLongList('results', results) }
          },
          async (kept, commit) => {
            // Versions before kept the results alone; their answers expire within a day.
            const { results, refusals } = Array.isArray(kept) ? { results: kept, refusals: [] } : kept
            const repeated = { type: 'record.tokenize', tokens: tokensIn(results), events: refusals } as const
            await commit(await replayEvents(deps, request, repeated))
            return { status: 200, body: await writeLongList('results', results) }
          },
        ),
    }),
  ]
}

/** Whatever was sent as a card, in a checkout or in a batch of them; nothing of it is validated. */
function cardsIn(body: unknown): unknown[] {
  if (typeof body !== 'object' || body === null) return []
  const items = 'items' in body && Array.isArray(body.items) ? (body.items as unknown[]) : []
  return [body, ...items].flatMap((one) =>
    typeof one === 'object' && one !== null && 'card' in one && one.card !== null && one.card !== undefined
      ? [one.card]
      : [],
  )
}
