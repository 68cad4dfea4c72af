import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { revealScopes } from '../../access/policy/roles.ts'
import { problemAnswer, problemDocument } from '../../http/documents/problem-document.ts'
import { problemSchema } from '../../http/documents/problem-schema.ts'
import { type Route, route } from '../../http/route.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { Idempotency, ReserveKey } from '../idempotency/idempotency.ts'
import { runOnce } from '../idempotency/run-once.ts'
import { askedIn } from '../record/asked.ts'
import { RECORD_PROBLEMS, RELEASE_PROBLEMS } from '../record/record-problems.ts'
import { exampleToken, releaseResultSchemas, releaseSchema, tokenParameter } from '../record/record-schemas.ts'
import { parseToken } from '../record/token.ts'
import type { Why } from '../why/why.ts'
import type { PlannedEvents } from './commit-opened.ts'
import { revealRecords } from './reveal.ts'
import { revealFields, revealScopesFor, revealWhy } from './reveal-request.ts'
import { isUnknown, type RevealResult } from './reveal-result.ts'

const item = z.strictObject({ token: z.string().max(100), fields: revealFields }).meta({ id: 'RevealItem' })

function createRevealSchemas(why: Why) {
  const members = revealWhy(why)
  return {
    one: z
      .strictObject({ ...members, fields: revealFields })
      .meta({ id: 'RevealRequest', description: 'What a record is revealed for, and which of its fields' }),
    many: z
      .strictObject({ ...members, items: z.array(item).min(1).max(100) })
      .meta({ id: 'RevealManyRequest', description: 'What records are revealed for, and which of their fields' }),
  }
}

const resultsSchema = z
  .object({
    results: z.array(
      z.union([...releaseResultSchemas, problemSchema]).meta({
        id: 'RevealResult',
        description: 'What became of one of several records: its release, or why there is none',
      }),
    ),
  })
  .meta({ id: 'RevealResults' })

/** The reveal of one record and of many. A replay looks again, under the present grants and at the present records. */
export function createRevealRoutes(deps: RecordDeps & { idempotency: Idempotency }): Route<Caller>[] {
  const { one, many } = createRevealSchemas(deps.why)
  return [
    route<Caller, z.output<typeof one>>({
      method: 'POST',
      path: '/v1/tokens/:token/reveal',
      operationId: 'revealRecord',
      tag: 'Records',
      description: `The caller needs the scope of the record's kind, and a role with a grant for kind, purpose and fields.
        Without \`fields\` the answer has all granted fields that the record has.

        A card number is released to a token that is bound to its sender only; outside production also to a
        token of \`staff token\`. \`legal-compliance\` needs \`authority\`, \`ticket\` and an approval.
        \`event\` is the id of the audit event, which is committed before the answer leaves.`,
      params: { token: tokenParameter },
      problems: [...RECORD_PROBLEMS, ...RELEASE_PROBLEMS],
      summary: 'Release the granted fields of a record for a purpose',
      access: revealScopes,
      scopesFor: revealScopesFor,
      audited: true,
      provesCaller: true,
      idempotent: true,
      asked: askedIn,
      body: one,
      examples: { 'All granted fields': { purpose: 'respond-to-query' } },
      responses: {
        200: { description: 'the fields, and the id of the event that records the release', schema: releaseSchema },
      },
      handle: (request) => {
        const { break_glass: breakGlass, fields, ...rest } = request.body
        const input = { ...rest, breakGlass, items: [{ token: request.params.token ?? '', fields }] }
        const reveal = async (reserve?: ReserveKey, replayOf?: PlannedEvents) => {
          const [result] = await revealRecords(deps, request.caller, input, request, { idempotency: reserve, replayOf })
          if (result === undefined) throw new Error('a reveal of one record has one result')
          // The problem is returned, not thrown, because its event has committed already.
          if ('problem' in result) return problemAnswer(result.problem, request.requestId, deps.issuer)
          return { status: 200, body: revealedBody(result) }
        }
        return runOnce<PlannedEvents>(deps, request, 'reveal', reveal, (kept) => reveal(undefined, kept))
      },
    }),

    route<Caller, z.output<typeof many>>({
      method: 'POST',
      path: '/v1/reveal',
      operationId: 'revealRecords',
      tag: 'Records',
      description: `A record that is not released is a problem document in its place, with its \`token\`.`,
      problems: RELEASE_PROBLEMS,
      summary: 'Release up to 100 records for one purpose',
      access: revealScopes,
      audited: true,
      idempotent: true,
      asked: askedIn,
      body: many,
      examples: { 'All granted fields': { purpose: 'respond-to-query', items: [{ token: exampleToken }] } },
      responses: {
        200: { description: 'one result for each item, in order, each with its own status', schema: resultsSchema },
      },
      handle: (request) => {
        const reveal = async (reserve?: ReserveKey, replayOf?: PlannedEvents) => {
          const extra = { idempotency: reserve, replayOf }
          const { break_glass: breakGlass, ...body } = request.body
          const results = await deps.probes.lookUp(
            request.caller,
            body.items.length,
            () => revealRecords(deps, request.caller, { ...body, breakGlass }, request, extra),
            (found) => found.filter(isUnknown).length,
          )
          return {
            status: 200,
            body: { results: results.map((result) => resultBody(result, request.requestId, deps.issuer)) },
          }
        }
        return runOnce<PlannedEvents>(deps, request, 'reveal-many', reveal, (kept) => reveal(undefined, kept))
      },
    }),
  ]
}

function revealedBody(result: Extract<RevealResult, { data: unknown }>): Record<string, unknown> {
  const { token, kind, data, event } = result
  return { token, kind, data: data.expose(), event }
}

function resultBody(result: RevealResult, requestId: string, issuer: string): Record<string, unknown> {
  if ('problem' in result) {
    // A text that is not a token is input, and is not repeated.
    const token = parseToken(result.token)
    return { ...problemDocument(result.problem, requestId, issuer), ...(token ? { token } : {}) }
  }
  return { status: 200, ...revealedBody(result) }
}
