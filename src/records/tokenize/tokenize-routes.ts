import { z } from 'zod'
import type { CardVelocity } from '../../access/limits/card-velocity.ts'
import type { Caller } from '../../access/policy/caller.ts'
import { IN_CHECKOUT_SESSION } from '../../access/policy/grant.ts'
import { problemDocument } from '../../http/documents/problem-document.ts'
import { writeLongList } from '../../http/json.ts'
import { type Route, type RouteRequest, route } from '../../http/route.ts'
import { rangesOf } from '../../kinds/checkout-parts.ts'
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
    deps.cardVelocity.consume(caller, source.network, rangesIn(body))
  const checkout = checkoutSchema(deps.kinds)
  // Items are parsed one by one, so that a bad one does not stop the others. The API document describes each as a
  // checkout.
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
      provesCaller: true,
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
            // Earlier versions kept the results alone. Their answers expire within a day.
            const { results, refusals } = Array.isArray(kept) ? { results: kept, refusals: [] } : kept
            const repeated = { type: 'record.tokenize', tokens: tokensIn(results), events: refusals } as const
            await commit(await replayEvents(deps, request, repeated))
            return { status: 200, body: await writeLongList('results', results) }
          },
        ),
    }),
  ]
}

/** The ranges of the numbers in a checkout or in a batch of them. Nothing of it is validated. */
function rangesIn(body: unknown): string[] {
  const items = typeof body === 'object' && body !== null && 'items' in body ? body.items : []
  return [body, ...(Array.isArray(items) ? (items as unknown[]) : [])].flatMap(rangesOf)
}
