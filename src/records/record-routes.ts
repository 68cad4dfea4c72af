import { z } from 'zod'
import type { Caller } from '../access/caller.ts'
import { type Route, type RouteRequest, route } from '../http/route.ts'
import { Sensitive } from '../sensitive.ts'
import { correctRecord } from './correct.ts'
import type { RecordDeps } from './dependencies.ts'
import { eraseRecord } from './erase.ts'
import { readRecord } from './read.ts'

const view = z.record(z.string(), z.unknown()).meta({ description: 'the masked view of a record' })

/** The calls on records that stand: masked read, correction, erasure. Each is parsed here and handed to its use case. */
export function createRecordRoutes(deps: RecordDeps): Route<Caller>[] {
  const corrections = Object.values(deps.kinds).map((kind) =>
    z.toJSONSchema(kind.correction, { io: 'input', target: 'openapi-3.0' }),
  )
  // Which kind's correction it must be, the token says; the use case parses it.
  const changes = z
    .looseObject({})
    .meta({ description: 'the fields to correct', anyOf: corrections } as Record<string, unknown>)
    .transform((body) => new Sensitive<unknown>(body))

  return [
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

    route({
      method: 'PATCH',
      path: '/v1/tokens/:token',
      summary: 'Correct an address, a contact or the expiry of a card; null removes an optional field',
      access: ['token:correct'],
      audited: true,
      body: changes,
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
  ]
}
