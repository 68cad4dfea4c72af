import { z } from 'zod'
import { auditCaller, type Caller } from '../access/caller.ts'
import { purposes } from '../access/purpose.ts'
import { insertEvents } from '../audit/audit-store.ts'
import { problemAnswer, problemDocument } from '../http/problem-response.ts'
import { type Answer, type Route, type RouteRequest, route } from '../http/route.ts'
import type { NewId } from '../identifier.ts'
import { text } from '../kinds/text.ts'
import { Sensitive } from '../sensitive.ts'
import { checkoutSchema, tokenizedSchema } from './checkout-schema.ts'
import { correctRecord } from './correct.ts'
import type { RecordDeps } from './dependencies.ts'
import { eraseRecord } from './erase.ts'
import type { Claim, Idempotency } from './idempotency.ts'
import { readRecord } from './read.ts'
import { type RevealResult, revealRecords } from './reveal.ts'
import { searchByValue } from './search.ts'
import { parseToken } from './token.ts'
import { tokenizeCheckouts } from './tokenize.ts'
import { tokenizeBatch } from './tokenize-batch.ts'

export interface RecordRouteDeps extends RecordDeps {
  idempotency: Idempotency
  newId: NewId
}

const REVEAL_SCOPES = ['card:reveal', 'address:reveal', 'contact:reveal']

const view = z.record(z.string(), z.unknown()).meta({ description: 'the masked view of a record' })
const reason = text(500).optional().describe('why; kept sealed beside the audit event')
const fields = z
  .array(z.string().max(40))
  .min(1)
  .max(20)
  .optional()
  .describe('only these fields; all granted ones when left out')
const purpose = z.enum(purposes)

const revealSchema = z.strictObject({ purpose, fields, reason })
const revealManySchema = z.strictObject({
  purpose,
  reason,
  items: z
    .array(z.strictObject({ token: z.string().max(100), fields }))
    .min(1)
    .max(100),
})
const revealedSchema = z.object({
  token: z.string(),
  kind: z.string(),
  data: z.record(z.string(), z.unknown()),
  event: z.string(),
})
const searchSchema = z.strictObject({
  by: z.enum(['customer', 'email', 'phone', 'card_number']),
  value: z
    .string()
    .min(1)
    .max(320)
    .transform((value) => new Sensitive(value)),
})
const resultsSchema = z.object({ results: z.array(z.looseObject({ status: z.int() })) })

/** The calls on records (design: HTTP contract). Each is parsed here and handed to its use case. */
export function createRecordRoutes(deps: RecordRouteDeps): Route<Caller>[] {
  const checkout = checkoutSchema(deps.kinds)

  /** Runs the work of a POST once for each Idempotency-Key. */
  const once = <K>(
    request: RouteRequest<Caller>,
    call: string,
    work: (claim: Claim | undefined) => Promise<Answer>,
    replay: (kept: K) => Promise<Answer> | Answer,
  ) =>
    deps.idempotency.once<K>(
      {
        caller: request.caller,
        key: request.headers['idempotency-key'],
        fingerprint: [call, request.params.token ?? '', request.bodyBytes],
      },
      work,
      replay,
    )

  /** A kept answer leaves again: that is an event too, and without it nothing leaves. */
  async function replay(request: RouteRequest<Caller>, kept: unknown): Promise<unknown> {
    const event = deps.newAuditEvent({
      type: 'request.replay',
      outcome: 'success',
      request_id: request.requestId,
      caller: auditCaller(request.caller),
      site: request.caller.site,
    })
    await insertEvents(deps.database, [event])
    return kept
  }

  return [
    route<Caller, z.output<typeof checkout>>({
      method: 'POST',
      path: '/v1/tokenize',
      summary: 'Store the parts of a checkout, all or none, and get their tokens',
      access: ['tokenize'],
      audited: true,
      idempotent: true,
      body: checkout,
      responses: { 201: { description: 'the tokens and masked views', schema: tokenizedSchema } },
      handle: (request) =>
        once<unknown>(
          request,
          'tokenize',
          async (claim) => {
            const idempotency = claim && ((answers: unknown[]) => claim(answers[0]))
            const [body] = await tokenizeCheckouts(deps, request.caller, [request.body], request, { idempotency })
            return { status: 201, body }
          },
          async (body) => ({ status: 201, body: await replay(request, body) }),
        ),
    }),

    route({
      method: 'POST',
      path: '/v1/tokenize/batch',
      summary: 'Store up to 1,000 checkouts; each succeeds or fails by itself',
      access: ['tokenize'],
      audited: true,
      idempotent: true,
      body: z.strictObject({
        items: z
          .array(z.unknown().meta({ description: 'a body of POST /v1/tokenize' }))
          .min(1)
          .max(1000),
      }),
      responses: {
        200: { description: 'one result for each item, in order, each with its own status', schema: resultsSchema },
      },
      handle: (request: RouteRequest<Caller, { items: unknown[] }>) =>
        once<unknown>(
          request,
          'tokenize-batch',
          async (claim) => {
            const results = await tokenizeBatch(
              deps,
              request.caller,
              { items: request.body.items, schema: checkout },
              request,
              claim,
            )
            return { status: 200, body: { results } }
          },
          async (results) => ({ status: 200, body: { results: await replay(request, results) } }),
        ),
    }),

    route({
      method: 'GET',
      path: '/v1/tokens/:token',
      summary: 'The masked view of a record',
      access: ['token:read'],
      audited: true,
      responses: { 200: { description: 'the masked view', schema: view } },
      handle: async (request: RouteRequest<Caller, undefined>) => ({
        status: 200,
        body: await readRecord(deps, request.caller, { token: request.params.token ?? '' }, request),
      }),
    }),

    route<Caller, z.output<typeof revealSchema>>({
      method: 'POST',
      path: '/v1/tokens/:token/reveal',
      summary: 'Release the granted fields of a record for a purpose',
      access: REVEAL_SCOPES,
      audited: true,
      idempotent: true,
      body: revealSchema,
      responses: {
        200: { description: 'the fields, and the id of the event that records the release', schema: revealedSchema },
      },
      handle: (request) => {
        const { purpose, reason, fields } = request.body
        const input = { purpose, reason, items: [{ token: request.params.token ?? '', fields }] }
        const reveal = async (claim?: Claim, replayOf?: (string | null)[]) => {
          const idempotency = claim && ((results: RevealResult[]) => claimReleased(claim, results))
          const [result] = await revealRecords(deps, request.caller, input, request, { idempotency, replayOf })
          if (result === undefined) throw new Error('a reveal of one record has one result')
          // Returned rather than thrown: its event has committed with the attempt.
          if ('problem' in result) return problemAnswer(result.problem, request.requestId)
          return { status: 200, body: revealedBody(result) }
        }
        return once<(string | null)[]>(request, 'reveal', reveal, (events) => reveal(undefined, events))
      },
    }),

    route<Caller, z.output<typeof revealManySchema>>({
      method: 'POST',
      path: '/v1/reveal',
      summary: 'Release up to 100 records for one purpose',
      access: REVEAL_SCOPES,
      audited: true,
      idempotent: true,
      body: revealManySchema,
      responses: {
        200: { description: 'one result for each item, in order, each with its own status', schema: resultsSchema },
      },
      handle: (request) => {
        const reveal = async (claim?: Claim, replayOf?: (string | null)[]) => {
          const idempotency = claim && ((results: RevealResult[]) => claim(eventsOf(results)))
          const results = await revealRecords(deps, request.caller, request.body, request, { idempotency, replayOf })
          return { status: 200, body: { results: results.map((result) => resultBody(result, request.requestId)) } }
        }
        return once<(string | null)[]>(request, 'reveal-many', reveal, (events) => reveal(undefined, events))
      },
    }),

    route({
      method: 'PATCH',
      path: '/v1/tokens/:token',
      summary: 'Correct an address, a contact or the expiry of a card; null removes an optional field',
      access: ['token:correct'],
      audited: true,
      body: z
        .looseObject({})
        .meta({ description: 'the fields to correct' })
        .transform((changes) => new Sensitive<unknown>(changes)),
      responses: { 200: { description: 'the masked view of the new version', schema: view } },
      handle: async (request: RouteRequest<Caller, Sensitive<unknown>>) => ({
        status: 200,
        body: await correctRecord(
          deps,
          request.caller,
          { token: request.params.token ?? '', changes: request.body },
          request,
        ),
      }),
    }),

    route({
      method: 'DELETE',
      path: '/v1/tokens/:token',
      summary: 'Erase a record with all its versions',
      access: ['token:erase'],
      audited: true,
      responses: { 204: { description: 'erased; the token answers 410 from now on' } },
      handle: async (request: RouteRequest<Caller, undefined>) => {
        await eraseRecord(deps, request.caller, { token: request.params.token ?? '' }, request)
        return { status: 204 }
      },
    }),

    route<Caller, z.output<typeof searchSchema>>({
      method: 'POST',
      path: '/v1/search',
      summary: 'Find records by the exact customer, e-mail, phone or card number',
      access: ['token:search'],
      audited: true,
      idempotent: true,
      body: searchSchema,
      responses: { 200: { description: 'masked views, newest first', schema: z.object({ results: z.array(view) }) } },
      handle: (request) => {
        const search = async (claim?: Claim) => {
          const idempotency = claim && (() => claim(null))
          return {
            status: 200,
            body: { results: await searchByValue(deps, request.caller, request.body, request, { idempotency }) },
          }
        }
        return once<null>(request, 'search', search, () => search())
      },
    }),
  ]
}

/** A single reveal that was refused is not kept: the next try may succeed. */
function claimReleased(claim: Claim, results: RevealResult[]) {
  return results.some((result) => 'problem' in result) ? undefined : claim(eventsOf(results))
}

function eventsOf(results: RevealResult[]): (string | null)[] {
  return results.map((result) => ('problem' in result ? null : result.event))
}

function revealedBody(result: Extract<RevealResult, { data: unknown }>): Record<string, unknown> {
  const { token, kind, data, event } = result
  return { token, kind, data: data.expose(), event }
}

function resultBody(result: RevealResult, requestId: string): Record<string, unknown> {
  if ('problem' in result) {
    // What is no token is input, and is not repeated.
    const token = parseToken(result.token)
    return { ...problemDocument(result.problem, requestId), ...(token ? { token } : {}) }
  }
  return { status: 200, ...revealedBody(result) }
}
