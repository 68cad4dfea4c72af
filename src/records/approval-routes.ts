import { z } from 'zod'
import type { Approval } from '../access/approval-store.ts'
import type { Caller } from '../access/caller.ts'
import { type Route, type RouteRequest, route } from '../http/route.ts'
import { decideOnApproval, listApprovals, readApproval, type Verdict } from './decide-approval.ts'
import type { RecordDeps } from './dependencies.ts'

const ACCESS = ['release:approve']
const approvalSchema = z.looseObject({ id: z.string(), state: z.string() })

/** What waits for a second person, and what they say to it. */
export function createApprovalRoutes(deps: RecordDeps): Route<Caller>[] {
  const decision = (verdict: Verdict, summary: string): Route<Caller> =>
    route<Caller>({
      method: 'POST',
      path: `/v1/approvals/:approval/${verdict}`,
      summary,
      access: ACCESS,
      audited: true,
      responses: { 200: { description: 'the state that it is in now', schema: approvalSchema } },
      handle: async (request: RouteRequest<Caller, undefined>) => {
        const input = { id: request.params.approval ?? '', verdict }
        return { status: 200, body: await decideOnApproval(deps, request.caller, input, request) }
      },
    })

  return [
    route({
      method: 'GET',
      path: '/v1/approvals',
      summary: 'The releases of the site that wait to be approved, or to be reviewed after the glass was broken',
      access: ACCESS,
      audited: true,
      responses: {
        200: { description: 'at most 100, the oldest first', schema: z.object({ approvals: z.array(approvalSchema) }) },
      },
      handle: async (request: RouteRequest<Caller, undefined>) => ({
        status: 200,
        body: { approvals: (await listApprovals(deps, request.caller)).map(asBody) },
      }),
    }),
    route({
      method: 'GET',
      path: '/v1/approvals/:approval',
      summary: 'Who asks for which fields of which record, why, and the record masked',
      access: ACCESS,
      audited: true,
      responses: { 200: { description: 'the request and the masked view of its record', schema: approvalSchema } },
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
    decision('approve', 'Let the caller see it, once and soon'),
    decision('refuse', 'Do not let the caller see it'),
    decision('review', 'Say that a release which did not wait was looked at'),
  ]
}

function asBody({
  requested_at,
  expires_at,
  decided_at,
  ticket,
  authority,
  ...approval
}: Approval): Record<string, unknown> {
  return {
    ...approval,
    ...(ticket === null ? {} : { ticket }),
    ...(authority === null ? {} : { authority }),
    requested_at: requested_at.toISOString(),
    expires_at: expires_at.toISOString(),
    decided_at: decided_at?.toISOString() ?? null,
  }
}
