import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { type Route, type RouteRequest, route } from '../../http/route.ts'
import type { RecordDeps } from '../../records/dependencies.ts'
import type { Idempotency, ReserveKey } from '../../records/idempotency/idempotency.ts'
import { runOnce } from '../../records/idempotency/run-once.ts'
import { changePrivacyRequest } from './change-request.ts'
import { openPrivacyRequest } from './open-request.ts'
import { listPrivacyRequests, readRequest } from './read-requests.ts'
import {
  type NewRequest,
  newRequestSchema,
  type RequestChange,
  requestChangeSchema,
  requestSchema,
} from './request-schema.ts'
import { REQUEST_ID } from './request-store.ts'

/** The shop opens requests and follows its own; `customer:report` is for the staff who answer them. */
const ACCESS = ['customer:request', 'customer:report']

const pageSchema = z
  .object({
    requests: z.array(requestSchema),
    next: z.string().nullable().describe('What to pass as `after` for the next page; null at the end'),
  })
  .meta({ id: 'PrivacyRequestPage' })

const querySchema = z.strictObject({
  state: z
    .enum(['open', 'closed', 'overdue'])
    .optional()
    .describe('only those that are not closed, that are, or that should have been answered; default: all'),
  after: z.string().regex(REQUEST_ID).optional().describe('`next` of the page before'),
  limit: z.coerce.number().int().min(1).max(100).default(100),
})
type Query = z.output<typeof querySchema>

const params = {
  id: z.string().meta({ description: 'The id of the request', examples: ['privacy_3v8m2q7x0k5n1r6t9w4y2b8d3f'] }),
}
const shared = { access: ACCESS, audited: true, tag: 'Privacy' } as const

/** The requests of shoppers: `/v1/requests`. */
export function createRequestRoutes(deps: RecordDeps & { idempotency: Idempotency }): Route<Caller>[] {
  return [
    route<Caller, NewRequest>({
      ...shared,
      method: 'POST',
      path: '/v1/requests',
      operationId: 'openPrivacyRequest',
      summary: "Open a shopper's request: to see, correct or erase what is held, to withdraw a consent, or to object",
      description: `\`jurisdiction\` says until when it must be answered. \`identity\` may be recorded later; only then a
        report shows values in full. The request itself changes no record.`,
      problems: ['card-number-in-text'],
      idempotent: true,
      body: newRequestSchema,
      examples: { 'To see what is held': { kind: 'access', customer: 'cus_1042', jurisdiction: 'gdpr' } },
      responses: { 201: { description: 'the request', schema: requestSchema } },
      handle: (request) => {
        const open = async (reserve?: ReserveKey) => ({
          status: 201,
          body: await openPrivacyRequest(deps, request.caller, request.body, request, { idempotency: reserve }),
        })
        return runOnce<string>(deps, request, 'privacy-request', open, async (id, commit) => ({
          status: 201,
          body: await readRequest(deps, request.caller, id, request, commit),
        }))
      },
    }),
    route<Caller, undefined, Query>({
      ...shared,
      method: 'GET',
      path: '/v1/requests',
      operationId: 'listPrivacyRequests',
      summary: 'List the requests of shoppers, the oldest first',
      description: `\`customer:report\` shows those of the site, \`customer:request\` those that the caller opened itself, so
        a page may be shorter than \`limit\` and still have a \`next\`.`,
      query: querySchema,
      responses: { 200: { description: 'a page; `next` is null at the end', schema: pageSchema } },
      handle: async (request: RouteRequest<Caller, undefined, Query>) => ({
        status: 200,
        body: await listPrivacyRequests(deps, request.caller, request.query, request),
      }),
    }),
    route({
      ...shared,
      method: 'GET',
      path: '/v1/requests/:id',
      operationId: 'getPrivacyRequest',
      summary: 'Show one request',
      params,
      problems: ['privacy-request-not-found', 'record-integrity'],
      responses: { 200: { description: 'the request', schema: requestSchema } },
      handle: async (request: RouteRequest<Caller>) => ({
        status: 200,
        body: await readRequest(deps, request.caller, request.params.id ?? '', request),
      }),
    }),
    route<Caller, RequestChange>({
      ...shared,
      method: 'PATCH',
      path: '/v1/requests/:id',
      operationId: 'changePrivacyRequest',
      summary: 'Record the proof of identity, who is in charge, and the outcome of a request',
      description: `\`done\` and \`refused\` close it; a refusal needs \`reason\`.`,
      access: ['customer:report'],
      params,
      problems: ['privacy-request-not-found', 'privacy-request-closed', 'card-number-in-text', 'record-integrity'],
      body: requestChangeSchema,
      examples: {
        'Identity was proved': {
          state: 'in-progress',
          identity: { method: 'signed-in', at: '2026-11-24T10:00:00Z', by: 'shop account page' },
          assignee: 'privacy desk',
        },
        Refused: { state: 'refused', reason: 'The identity of the shopper could not be proved' },
      },
      responses: { 200: { description: 'the request as it is now', schema: requestSchema } },
      handle: async (request) => ({
        status: 200,
        body: await changePrivacyRequest(deps, request.caller, request.params.id ?? '', request.body, request),
      }),
    }),
  ]
}
