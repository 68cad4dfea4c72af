import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { type Route, type RouteRequest, route } from '../../http/route.ts'
import { Problem } from '../../values/problem.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { Idempotency, ReserveKey } from '../idempotency/idempotency.ts'
import { replayEvents, runOnce } from '../idempotency/run-once.ts'
import { askedIn } from '../record/asked.ts'
import { CHANGE_PROBLEMS, ERASURE_PROBLEMS, RECORD_PROBLEMS } from '../record/record-problems.ts'
import { tokenParameter } from '../record/record-schemas.ts'
import { eraseRecord } from './erase.ts'

const ACCESS = ['token:erase']
const erased = { 204: { description: 'erased; the token is answered with 410 from now on' } }

/** Erasure, with a body that says why and without one. */
export function createEraseRoutes(deps: RecordDeps & { idempotency: Idempotency }): Route<Caller>[] {
  const bodySchema = z
    .strictObject(deps.why.changeMembers)
    .meta({ id: 'Erasure', description: 'Why a record is erased' })
  return [
    route<Caller, z.output<typeof bodySchema>>({
      method: 'POST',
      path: '/v1/tokens/:token/erase',
      operationId: 'eraseRecordWithReason',
      tag: 'Records',
      description: `The record is gone with all its versions and search terms. Its events stay.
        If a hold keeps it, the answer is \`erasure-postponed\`: the erasure is written down, and happens when the hold is released.`,
      summary: 'Erase a record with all its versions, with a reason',
      access: ACCESS,
      audited: true,
      idempotent: true,
      asked: askedIn,
      body: bodySchema,
      examples: {
        'With a reason': { purpose: 'legal-compliance', reason: 'The shopper asked for it', ticket: 'DSR-1042' },
      },
      params: { token: tokenParameter },
      problems: [...RECORD_PROBLEMS, ...CHANGE_PROBLEMS, ...ERASURE_PROBLEMS],
      responses: erased,
      handle: (request) => {
        const input = { ...request.body, token: request.params.token ?? '' }
        const erase = async (reserve?: ReserveKey) => {
          const idempotency = reserve && (() => reserve(null))
          await eraseRecord(deps, request.caller, input, request, { idempotency })
          return { status: 204 }
        }
        return runOnce<null>(deps, request, 'erase', erase, async (_kept, commit) => {
          const tokens = [input.token]
          await commit(await replayEvents(deps, request, { type: 'record.erase', tokens }))
          return { status: 204 }
        })
      },
    }),

    route({
      method: 'DELETE',
      path: '/v1/tokens/:token',
      operationId: 'eraseRecord',
      tag: 'Records',
      params: { token: tokenParameter },
      problems: [...RECORD_PROBLEMS, ...CHANGE_PROBLEMS, ...ERASURE_PROBLEMS],
      summary: 'Erase a record with all its versions, for roles that need no reason',
      access: ACCESS,
      audited: true,
      responses: erased,
      handle: async (request: RouteRequest<Caller, undefined>) => {
        await eraseRecord(deps, request.caller, { token: request.params.token ?? '' }, request).catch(pointToBody)
        return { status: 204 }
      },
    }),
  ]
}

/** A DELETE has no body that could say what is missing. */
function pointToBody(error: unknown): never {
  if (!(error instanceof Problem) || error.code !== 'condition-not-met' || error.errors.length === 0) throw error
  const detail = 'POST /v1/tokens/{token}/erase takes what is missing'
  throw new Problem('condition-not-met', { detail, errors: error.errors })
}
