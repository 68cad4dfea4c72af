import { z } from 'zod'
import { type Approval, approvalStates } from '../../access/approvals/approval-store.ts'
import type { Caller } from '../../access/policy/caller.ts'
import { purposes } from '../../access/policy/purpose.ts'
import { ROLE_NAME } from '../../access/policy/roles.ts'
import { type Route, type RouteRequest, route } from '../../http/route.ts'
import { kindNames } from '../../kinds/registry.ts'
import { knownValues } from '../../values/known-values.ts'
import { issue } from '../../values/parse-input.ts'
import type { RecordDeps } from '../dependencies.ts'
import { RECORD_PROBLEMS } from '../record/record-problems.ts'
import { maskedRecordSchema } from '../record/record-schemas.ts'
import { decideOnApproval, listApprovals, parseCursor, readApproval, type Verdict } from './decide-approval.ts'

const ACCESS = ['release:approve']
/** Of a row that was changed outside the vault it may be a year that only PostgreSQL has. */
const time = z.string().meta({ format: 'date-time' })

const id = z.string().meta({ description: 'The id of the request', examples: ['apr_3v8m2q7x0k5n1r6t9w4y2b8d3f'] })
const state = knownValues(approvalStates)
const approvalSchema = z
  .object({
    id,
    state,
    caller: z.string().describe('Who asks'),
    role: z.string().describe('Their role'),
    site: z.string(),
    token: z.string().describe('The record that they ask for'),
    record_version: z.int().nullable().describe('Its version; null for a request of an older vault'),
    fields: z.array(z.string()).describe('What they ask to see of it'),
    purpose: knownValues(purposes),
    ticket: z.string().optional(),
    authority: z.string().optional(),
    partner: z
      .string()
      .optional()
      .describe('The partner to whose key it would leave; left out: it leaves to the caller'),
    requested_at: time,
    expires_at: time.describe('Until when it can be approved or, once it is, used'),
    decided_by: z.string().nullable(),
    decided_at: time.nullable(),
  })
  .meta({ id: 'Approval', description: 'A release that needs a second person, or a review after break-glass' })
const shownApprovalSchema = z
  .object({
    ...approvalSchema.shape,
    reason: z.string().optional().describe('Why they ask'),
    record: maskedRecordSchema,
  })
  .meta({ id: 'ShownApproval', description: 'A request with its reason and the masked view of its record' })
const decidedSchema = z.object({ id, state }).meta({ id: 'ApprovalDecision' })
const pageSchema = z
  .object({
    approvals: z.array(approvalSchema),
    next: z.string().nullable().describe('What to pass as `after` for the next page; null at the end'),
  })
  .meta({ id: 'ApprovalPage' })
const approvalParameter = { approval: id }

const querySchema = z.strictObject({
  state: z.enum(approvalStates).optional().describe('only requests in this state; default: all open ones'),
  kind: z.enum(kindNames).optional().describe('only for records of this kind'),
  caller_role: z.string().regex(ROLE_NAME).optional().describe('only of callers with this role'),
  caller: z
    .string()
    .regex(/^[^\p{C}]{1,200}$/u)
    .optional()
    .describe('only of this caller'),
  purpose: z.enum(purposes).optional(),
  token: z
    .string()
    .regex(/^[a-z]+_[0-9a-z]{1,40}$/)
    .optional()
    .describe('only for this record'),
  after: z
    .string()
    .transform(parseCursor)
    .refine((cursor) => cursor !== undefined, issue('invalid-input', 'expected what an earlier page named as `next`'))
    .optional()
    .describe('`next` of the page before'),
  limit: z.coerce.number().int().min(1).max(100).default(100),
})
type Query = z.output<typeof querySchema>

/** The requests that wait for a second person, and the decision on one. */
export function createApprovalRoutes(deps: RecordDeps): Route<Caller>[] {
  const decision = (verdict: Verdict, summary: string, description = `${summary}.`): Route<Caller> =>
    route<Caller>({
      method: 'POST',
      path: `/v1/approvals/:approval/${verdict}`,
      operationId: `${verdict}Release`,
      tag: 'Approvals',
      summary,
      description,
      params: approvalParameter,
      problems: ['own-request', 'approval-not-found', 'approval-decided', 'approval-changed'],
      access: ACCESS,
      audited: true,
      responses: { 200: { description: 'the state that it is in now', schema: decidedSchema } },
      handle: async (request: RouteRequest<Caller, undefined>) => {
        const input = { id: request.params.approval ?? '', verdict }
        return { status: 200, body: await decideOnApproval(deps, request.caller, input, request) }
      },
    })

  return [
    route<Caller, undefined, Query>({
      method: 'GET',
      path: '/v1/approvals',
      operationId: 'listApprovals',
      tag: 'Approvals',
      description: `Releases that must be reviewed come first, then requests, the oldest first.`,
      summary: 'List the releases of the site that wait for approval, or for a review after break-glass',
      access: ACCESS,
      audited: true,
      query: querySchema,
      responses: {
        200: {
          description: 'a page; `next` is null at the end',
          schema: pageSchema,
        },
      },
      handle: async (request: RouteRequest<Caller, undefined, Query>) => {
        const { caller_role: role, ...query } = request.query
        const { approvals, next } = await listApprovals(deps, request.caller, { ...query, role }, request)
        return { status: 200, body: { approvals: approvals.map(asBody), next } }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/approvals/:approval',
      operationId: 'getApproval',
      tag: 'Approvals',
      description: `\`record_version\` is the version of the record that was asked for.`,
      params: approvalParameter,
      problems: [...RECORD_PROBLEMS, 'approval-not-found', 'approval-changed', 'budget-spent'],
      summary: 'Show one request: who asks for which fields of which record, why, and the record masked',
      access: ACCESS,
      audited: true,
      responses: { 200: { description: 'the request and the masked view of its record', schema: shownApprovalSchema } },
      handle: async (request: RouteRequest<Caller, undefined>) => {
        const { approval, reason, record } = await readApproval(
          deps,
          request.caller,
          request.params.approval ?? '',
          request,
        )
        return { status: 200, body: { ...asBody(approval), reason: reason?.expose(), record } }
      },
    }),
    decision(
      'approve',
      'Approve the release: the caller may see it once, within 15 minutes',
      `The person must be another one than the caller of the request. The same request then releases the data: once, within
        15 minutes, for that record and version, those fields, that purpose and ticket.`,
    ),
    decision('refuse', 'Refuse the release'),
    decision('review', 'Record that a release that did not wait was reviewed'),
  ]
}

function asBody({
  requested_at,
  expires_at,
  decided_at,
  ticket,
  authority,
  partner,
  ...approval
}: Approval): Record<string, unknown> {
  return {
    ...approval,
    ...(ticket === null ? {} : { ticket }),
    ...(authority === null ? {} : { authority }),
    ...(partner === null ? {} : { partner }),
    requested_at: requested_at.toISOString(),
    expires_at: expires_at.toISOString(),
    decided_at: decided_at?.toISOString() ?? null,
  }
}
