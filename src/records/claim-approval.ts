import { isApprovalOfVault } from '../access/approval-mac.ts'
import {
  type ApprovalRequest,
  countPending,
  findPending,
  insertApproval,
  lockApprovals,
  spendApproval,
} from '../access/approval-store.ts'
import { auditCaller, type Caller, definitionOf } from '../access/caller.ts'
import type { Circumstances } from '../access/condition.ts'
import { decideReveal } from '../access/grant.ts'
import type { Purpose } from '../access/purpose.ts'
import { conditionsOf } from '../access/roles.ts'
import { insertEvents } from '../audit/audit-store.ts'
import { Problem } from '../problem.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import { sealReason } from './seal-reason.ts'
import { kindNameOf, parseToken, type Token } from './token.ts'

const HOUR_MS = 60 * 60 * 1000
/** A request that nobody has seen to by then is made again by whoever still needs it. */
const PENDING_FOR_MS = 24 * HOUR_MS
/** What one caller may have waiting at the same time: more is nobody's duty to read. */
const MAX_PENDING = 100

export type ClaimDeps = Pick<RecordDeps, 'alert' | 'database' | 'keys' | 'newAuditEvent' | 'newId' | 'now'>

export interface ApprovalQuestion {
  token: string
  fields?: readonly string[] | undefined
  purpose: Purpose
  reason?: string | undefined
  ticket?: string | undefined
  authority?: string | undefined
}

/**
 * For what a grant lets out with an approval only: uses up the one that there is for exactly this caller, record, fields
 * and purpose, or asks for one. A caller that may break the glass goes on at once; that is an alert, and waits for a review.
 *
 * @returns the approval's id, or undefined for what needs none
 * @throws {Problem} approval-required with the id of the request, too-many-requests
 */
export async function claimApproval(
  deps: ClaimDeps,
  caller: Caller,
  { token: text, fields: wanted, purpose, reason, ticket, authority }: ApprovalQuestion,
  circumstances: Circumstances,
  facts: RequestFacts,
): Promise<string | undefined> {
  const token = parseToken(text)
  const grants = definitionOf(caller)?.grants ?? []
  if (token === undefined || !grants.some((grant) => conditionsOf(grant, purpose).approval)) return undefined
  const decide = (more: Circumstances) =>
    decideReveal(caller, kindNameOf(token), purpose, wanted, { ...circumstances, breakGlass: false, ...more })
  const without = decide({})
  if (without.granted || without.problem.code !== 'approval-required') return undefined
  const approved = decide({ approved: true })
  if (!approved.granted) return undefined
  const request: ApprovalRequest = {
    ...{ id: deps.newId('apr'), caller: caller.id, role: caller.role ?? '', site: caller.site },
    ...{ token, fields: approved.fields, purpose, ticket: ticket ?? null, authority: authority ?? null },
  }
  const breaksGlass = circumstances.breakGlass === true && decide({ breakGlass: true }).granted
  return claim(deps, caller, request, { reason, breaksGlass }, facts)
}

async function claim(
  deps: ClaimDeps,
  caller: Caller,
  request: ApprovalRequest,
  { reason, breaksGlass }: { reason: string | undefined; breaksGlass: boolean },
  facts: RequestFacts,
): Promise<string> {
  const now = deps.now()
  const waitsFor = { requested_at: now, expires_at: new Date(now.getTime() + PENDING_FOR_MS) }
  await deps.keys.ensureFresh()
  const sealed = reason === undefined ? undefined : sealReason(deps, request.id, reason)
  const record = (type: 'approval.request' | 'approval.break-glass') =>
    deps.newAuditEvent({
      ...{ type, outcome: 'success', request_id: facts.requestId, caller: auditCaller(caller), site: request.site },
      ...{ token: request.token, kind: kindNameOf(request.token as Token), purpose: request.purpose },
      ...{ fields: request.fields, subject: request.id, ticket: request.ticket ?? undefined },
      authority: request.authority ?? undefined,
    })
  const claimed = await deps.database.transaction(async (tx) => {
    await lockApprovals(tx, caller.id)
    const spent = await spendApproval(tx, request, now)
    if (spent && isApprovalOfVault(deps.keys, { ...request, id: spent.id }, spent)) return { approval: spent.id }
    if (spent) return { forged: spent.id }
    if (breaksGlass) {
      await insertApproval(tx, { ...request, ...waitsFor, state: 'unreviewed' }, sealed)
      await insertEvents(tx, [record('approval.break-glass')])
      return { approval: request.id, isBroken: true }
    }
    const waiting = await findPending(tx, request, now)
    if (waiting !== undefined) return { waiting }
    if ((await countPending(tx, caller.id, now)) >= MAX_PENDING) return {}
    await insertApproval(tx, { ...request, ...waitsFor, state: 'pending' }, sealed)
    await insertEvents(tx, [record('approval.request')])
    return { waiting: request.id }
  })
  if (claimed.forged !== undefined) {
    deps.alert('approval-changed', { caller: caller.id, role: request.role, approval: claimed.forged })
    throw new Problem('approval-required')
  }
  if (claimed.isBroken) deps.alert('glass-broken', { caller: caller.id, role: request.role, approval: request.id })
  if (claimed.approval !== undefined) return claimed.approval
  if (claimed.waiting === undefined) throw new Problem('too-many-requests', { retryAfterSeconds: HOUR_MS / 1000 })
  throw new Problem('approval-required', { extensions: { approval: claimed.waiting } })
}
