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
import { CHECKOUT_PROBLEMS } from '../record/record-problems.ts'
import { CHECKOUT_EXAMPLES } from './checkout-examples.ts'
import { checkoutSchema, tokenizedSchema } from './checkout-schema.ts'
import { tokenizeCheckouts } from './tokenize.ts'
import { type BatchAnswer, tokenizeBatch } from './tokenize-batch.ts'

const resultSchema = z
  .union([
    z
      .object({ status: z.literal(201), ...tokenizedSchema.shape })
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
    route<Caller, z.output<typeof checkout>>({
      method: 'POST',
      path: '/v1/tokenize',
      operationId: 'tokenize',
      tag: 'Records',
      description: `At least one of \`card\`, \`billing_address\`, \`shipping_address\` and \`contact\` must be there. All
        parts are stored, or none. The answer leaves after the durable commit.

        Verification codes, tracks and PINs are refused with a code of their own
        (\`sensitive-authentication-data\`). A text that holds a card number is refused as well.

        A telephone number of an address is read as it is dialled in the country of the address. In a contact it
        needs \`+\` and its country code. Both spellings of an international domain name are one mailbox.`,
      summary: 'Store the parts of a checkout, all or none, and get their tokens',
      access: ['tokenize'],
      audited: true,
      provesCaller: true,
      answersOlder: true,
      idempotent: true,
      limit,
      body: checkout,
      examples: CHECKOUT_EXAMPLES,
      problems: CHECKOUT_PROBLEMS,
      responses: { 201: { description: 'the tokens and masked views', schema: tokenizedSchema } },
      handle: (request) =>
        runOnce<unknown>(
          deps,
          request,
          'tokenize',
          async (reserve) => {
            const idempotency = reserve && ((answers: unknown[]) => reserve(answers[0]))
            const [body] = await tokenizeCheckouts(deps, request.caller, [request.body], request, { idempotency })
            return { status: 201, body }
          },
          async (body, commit) => {
            await commit(await replayEvents(deps, request, { type: 'record.tokenize', tokens: tokensIn([body]) }))
            return { status: 201, body }
          },
        ),
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

/** The tokens in kept answers. */
function tokensIn(answers: readonly unknown[]): string[] {
  return answers.flatMap((answer) =>
    Object.values(answer as object).flatMap((part) => {
      const { token } = (typeof part === 'object' && part !== null ? part : {}) as { token?: string }
      return token ?? []
    }),
  )
}

/** The ranges of the numbers in a checkout or in a batch of them. Nothing of it is validated. */
function rangesIn(body: unknown): string[] {
  const items = typeof body === 'object' && body !== null && 'items' in body ? body.items : []
  return [body, ...(Array.isArray(items) ? (items as unknown[]) : [])].flatMap(rangesOf)
}
