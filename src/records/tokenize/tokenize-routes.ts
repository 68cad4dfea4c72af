import { z } from 'zod'
import type { CardVelocity } from '../../access/limits/card-velocity.ts'
import type { Caller } from '../../access/policy/caller.ts'
import { problemDocument } from '../../http/documents/problem-document.ts'
import { problemSchema } from '../../http/documents/problem-schema.ts'
import { writeLongList } from '../../http/json.ts'
import { type Route, type RouteRequest, route } from '../../http/route.ts'
import { rangesOf } from '../../kinds/checkout-parts.ts'
import type { Problem } from '../../values/problem.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { Idempotency } from '../idempotency/idempotency.ts'
import { replayEvents, runOnce } from '../idempotency/run-once.ts'
import { CHECKOUT_PROBLEMS, SESSION_PROBLEMS } from '../record/record-problems.ts'
import { CHECKOUT_EXAMPLES } from './checkout-examples.ts'
import { checkoutSchema, tokenizedSchema } from './checkout-schema.ts'
import type { Checkout } from './tokenize.ts'
import { type BatchAnswer, tokenizeBatch } from './tokenize-batch.ts'
import { tokenizeOnce, tokensIn } from './tokenize-once.ts'

const resultSchema = z
  .union([
    z
      .object({ status: z.literal(201), ...tokenizedSchema.omit({ consents_given: true }).shape })
      .meta({ id: 'TokenizeSuccess', description: 'A checkout of a batch that was stored' }),
    problemSchema,
  ])
  .meta({ id: 'TokenizeResult', description: 'What became of one checkout of a batch' })
const batchAnswerSchema = z.object({ results: z.array(resultSchema) }).meta({ id: 'TokenizedBatch' })

/** `POST /v1/tokenize`, and its batch. */
export function createTokenizeRoutes(
  deps: RecordDeps & { idempotency: Idempotency; cardVelocity: CardVelocity },
): Route<Caller>[] {
  const limit: Route<Caller>['limit'] = ({ caller, source, body }) =>
    deps.cardVelocity.consume(caller, source.network, rangesIn(body))
  const checkout = checkoutSchema(deps.kinds)
  // Items are parsed one by one, so that a bad one does not stop the others. The API document describes each as a
  // checkout.
  const batchOf = (item: z.ZodType) => z.strictObject({ items: z.array(item).min(1).max(1000) })

  return [
    route<Caller, Checkout>({
      method: 'POST',
      path: '/v1/tokenize',
      operationId: 'tokenize',
      tag: 'Records',
      description: `At least one of \`card\`, \`billing_address\`, \`shipping_address\` and \`contact\` must be there. All
        parts are stored, or none. The answer leaves after the durable commit.

        Verification codes, tracks and PINs are refused with a code of their own
        (\`sensitive-authentication-data\`). A text that holds a card number is refused as well.

        A telephone number of an address is read as it is dialled in the country of the address. In a contact it
        needs \`+\` and its country code. Both spellings of an international domain name are one mailbox.

        With the token of a checkout session the checkout belongs to the customer of the session, is stored once, and is
        answered without \`customer\` and with \`consents_given\`.`,
      summary: 'Store the parts of a checkout, all or none, and get their tokens',
      access: ['tokenize'],
      admitsShoppers: true,
      audited: true,
      provesCaller: true,
      answersOlder: true,
      idempotent: true,
      limit,
      body: checkout,
      examples: CHECKOUT_EXAMPLES,
      problems: [...CHECKOUT_PROBLEMS, ...SESSION_PROBLEMS],
      responses: { 201: { description: 'the tokens and masked views', schema: tokenizedSchema } },
      handle: (request) => tokenizeOnce(deps, request),
    }),

    route({
      method: 'POST',
      path: '/v1/tokenize/batch',
      operationId: 'tokenizeBatch',
      tag: 'Records',
      description: `Each item has the members of \`POST /v1/tokenize\`. An item that is refused is a problem document in its
        place.`,
      summary: 'Store up to 1,000 checkouts; each succeeds or fails by itself',
      access: ['tokenize'],
      audited: true,
      answersOlder: true,
      idempotent: true,
      limit,
      body: batchOf(z.unknown()),
      describedBody: batchOf(checkout).meta({ id: 'CheckoutBatch' }),
      examples: { 'Two checkouts': { items: Object.values(CHECKOUT_EXAMPLES) } },
      problems: ['too-many-requests'],
      responses: {
        200: {
          description: 'one result for each item, in order, each with its own status',
          schema: batchAnswerSchema,
        },
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
