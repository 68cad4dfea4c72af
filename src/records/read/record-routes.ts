import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { type Route, type RouteRequest, route } from '../../http/route.ts'
import { correctionsInWords } from '../../kinds/in-words.ts'
import { Sensitive } from '../../values/sensitive.ts'
import { correctRecord } from '../change/correct.ts'
import type { RecordDeps } from '../dependencies.ts'
import { askedInCorrection } from '../record/asked.ts'
import { readRecord } from './read.ts'

const view = z.record(z.string(), z.unknown()).meta({ description: 'the masked view of a record' })

/** The calls on existing records: masked read, correction. Each is parsed here and handed to its use case. */
export function createRecordRoutes(deps: RecordDeps): Route<Caller>[] {
  const { changeMembers } = deps.why
  const said = z.toJSONSchema(z.object(changeMembers), { io: 'input', target: 'openapi-3.0' }).properties
  const corrections = Object.values(deps.kinds).map((kind) => {
    const correction = z.toJSONSchema(kind.correction, { io: 'input', target: 'openapi-3.0' })
    return { ...correction, properties: { ...correction.properties, ...said } }
  })
  // The token says which kind is corrected, so the use case parses the correction.
  const correctionSchema = z
    .looseObject(changeMembers)
    .meta({ description: 'the fields to correct, and why', anyOf: corrections } as Record<string, unknown>)
    .transform(({ purpose, reason, ticket, ...fields }) => ({
      purpose,
      reason,
      ticket,
      changes: new Sensitive<unknown>(fields),
    }))

  return [
    route({
      method: 'GET',
      path: '/v1/tokens/:token',
      summary: 'The masked view of a record',
      access: ['token:read'],
      audited: true,
      provesCaller: true,
      responses: { 200: { description: 'the masked view', schema: view } },
      handle: async (request: RouteRequest<Caller, undefined>) => ({
        status: 200,
        body: await readRecord(deps, request.caller, { token: request.params.token ?? '' }, request),
      }),
    }),

    route<Caller, z.output<typeof correctionSchema>>({
      method: 'PATCH',
      path: '/v1/tokens/:token',
      summary: `Correct ${correctionsInWords()}; null removes an optional field`,
      access: ['token:correct'],
      audited: true,
      asked: askedInCorrection,
      body: correctionSchema,
      responses: { 200: { description: 'the masked view of the new version', schema: view } },
      handle: async (request) => ({
        status: 200,
        body: await correctRecord(
          deps,
          request.caller,
          { ...request.body, token: request.params.token ?? '' },
          request,
        ),
      }),
    }),
  ]
}
