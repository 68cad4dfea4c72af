import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { revealScopeOf, revealScopes } from '../../access/policy/roles.ts'
import { problemAnswer, problemDocument } from '../../http/documents/problem-document.ts'
import { type Route, route } from '../../http/route.ts'
import { optionalMembers } from '../../kinds/optional-members.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { Idempotency, ReserveKey } from '../idempotency/idempotency.ts'
import { runOnce } from '../idempotency/run-once.ts'
import { askedIn } from '../record/asked.ts'
import { kindNameOf, parseToken } from '../record/token.ts'
import type { Why } from '../why/why.ts'
import type { PlannedEvents } from './commit-opened.ts'
import { revealRecords } from './reveal.ts'
import { isUnknown, type RevealResult } from './reveal-result.ts'

const { break_glass, fields } = optionalMembers({
  break_glass: z.literal(true).describe('release without waiting for an approval; it raises an alert'),
  fields: z.array(z.string().max(40)).min(1).max(20).describe('only these fields; default: all granted fields'),
})
const item = z.strictObject({ token: z.string().max(100), fields })

function createRevealSchemas({ whyMembers }: Why) {
  const why = { ...whyMembers, break_glass }
  return {
    one: z.strictObject({ ...why, fields }),
    many: z.strictObject({ ...why, items: z.array(item).min(1).max(100) }),
  }
}

const revealedSchema = z.object({
  token: z.string(),
  kind: z.string(),
  data: z.record(z.string(), z.unknown()),
  event: z.string(),
})
const resultsSchema = z.object({ results: z.array(z.looseObject({ status: z.int() })) })

/** The reveal of one record and of many. A replay looks again, under the present grants and at the present records. */
export function createRevealRoutes(deps: RecordDeps & { idempotency: Idempotency }): Route<Caller>[] {
  const { one, many } = createRevealSchemas(deps.why)
  return [
    route<Caller, z.output<typeof one>>({
      method: 'POST',
      path: '/v1/tokens/:token/reveal',
      summary: 'Release the granted fields of a record for a purpose',
      access: revealScopes,
      scopesFor: ({ token = '' }) => {
        const parsed = parseToken(token)
        return parsed === undefined ? revealScopes : [revealScopeOf(kindNameOf(parsed))]
      },
      audited: true,
      provesCaller: true,
      idempotent: true,
      asked: askedIn,
      body: one,
      responses: {
        200: { description: 'the fields, and the id of the event that records the release', schema: revealedSchema },
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
      summary: 'Release up to 100 records for one purpose',
      access: revealScopes,
      audited: true,
      idempotent: true,
      asked: askedIn,
      body: many,
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
