import { isApprovalOfVault } from '../access/approval-mac.ts'
import {
  type ApprovalRequest,
  countOpen,
  findPending,
  insertApproval,
  lockApprovals,
  spendApproval,
} from '../access/approval-store.ts'
import { auditCaller, type Caller, definitionOf } from '../access/caller.ts'
import type { Circumstances } from '../access/condition.ts'
import { decideReveal } from '../access/grant.ts'
import { needsConsent, type Purpose } from '../access/purpose.ts'
import { conditionsOf } from '../access/roles.ts'
import { insertEvents } from '../audit/audit-store.ts'
import type { Queryable } from '../database/database.ts'
import { storeUnderKeys } from '../keys/store-under-keys.ts'
import { Problem } from '../problem.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import { lockForRelease } from './record-store.ts'
import { requireLive } from './require-live.ts'
import { sealReason } from './seal-reason.ts'
import { kindNameOf, parseToken, type Token } from './token.ts'

const HOUR_MS = 60 * 60 * 1000
/** A request that nobody has seen to by then is made again by whoever still needs it. */
const PENDING_FOR_MS = 24 * HOUR_MS

export type ClaimDeps = Pick<
  RecordDeps,
  'alert' | 'database' | 'keys' | 'newAuditEvent' | 'newId' | 'now' | 'openApprovals'
>

/** What lets a release out that needs a second person. */
export interface ClaimedApproval {
  id: string
  /** The version of the record that was approved; undefined where nobody approved it (break-glass). */
  version: number | undefined
}

export interface ApprovalQuestion {
  token: string
  fields?: readonly string[] | undefined
  purpose: Purpose
  reason?: string | undefined
  ticket?: string | undefined
  authority?: string | undefined
}

/**
 * For what a grant lets out with an approval only: uses up the one that there is for exactly this caller, version of the
 * record, fields and purpose, or asks for one. A caller that may break the glass goes on at once; that is an alert, and
 * waits for a review. Nothing is asked for that cannot be released: the record comes first.
 *
 * @returns undefined for what needs no approval
 * @throws {Problem} record-not-found, record-gone, consent-missing, approval-required with the id of the request,
 *   too-many-requests
 */
export async function claimApproval(
  deps: ClaimDeps,
  caller: Caller,
  { token: text, fields: wanted, purpose, reason, ticket, authority }: ApprovalQuestion,
  circumstances: Circumstances,
  facts: RequestFacts,
): Promise<ClaimedApproval | undefined> {
  const token = parseToken(text)
  const grants = definitionOf(caller)?.grants ?? []
  if (token === undefined || !grants.some((grant) => conditionsOf(grant, purpose).approval)) return undefined
  const decide = (more: Circumstances) =>
    decideReveal(caller, kindNameOf(token), purpose, wanted, { ...circumstances, breakGlass: false, ...more })
  const without = decide({})
  if (without.granted || without.problem.code !== 'approval-required') return undefined
  const approved = decide({ approved: true })
  if (!approved.granted) return undefined
  const request: Asked = {
    ...{ id: deps.newId('apr'), caller: caller.id, role: caller.role ?? '', site: caller.site },
    ...{ token, fields: approved.fields, purpose, ticket: ticket ?? null, authority: authority ?? null },
  }
  const breaksGlass = circumstances.breakGlass === true && decide({ breakGlass: true }).granted
  return claim(deps, caller, request, { reason, breaksGlass }, facts)
}

/** A request before its record was looked at. */
type Asked = Omit<ApprovalRequest, 'record_version' | 'token' | 'purpose'> & { token: Token; purpose: Purpose }

async function claim(
  deps: ClaimDeps,
  caller: Caller,
  asked: Asked,
  { reason, breaksGlass }: { reason: string | undefined; breaksGlass: boolean },
  facts: RequestFacts,
): Promise<ClaimedApproval> {
  const now = deps.now()
  const waitsFor = { requested_at: now, expires_at: new Date(now.getTime() + PENDING_FOR_MS) }
  await deps.keys.ensureFresh()
  const sealed = () => (reason === undefined ? undefined : sealReason(deps, asked.id, reason))
  const record = (type: 'approval.request' | 'approval.break-glass', version: number) =>
    deps.newAuditEvent({
      ...{
        type,
        outcome: 'success',
        request_id: facts.requestId,
        caller: auditCaller(caller, facts),
        site: asked.site,
      },
      ...{ token: asked.token, kind: kindNameOf(asked.token), purpose: asked.purpose, record_version: version },
      ...{ fields: asked.fields, subject: asked.id, ticket: asked.ticket ?? undefined },
      authority: asked.authority ?? undefined,
    })
  const claimIn = async (tx: Queryable) => {
    const { version, consents } = requireLive(await lockForRelease(tx, asked.site, asked.token))
    if (needsConsent(asked.purpose) && !consents.includes(asked.purpose)) throw new Problem('consent-missing')
    const request: ApprovalRequest = { ...asked, record_version: version }
    await lockApprovals(tx, caller.id)
    const spent = await spendApproval(tx, request, now)
    if (spent && (await isApprovalOfVault(deps.keys, { ...request, id: spent.id }, spent))) {
      return { approval: { id: spent.id, version } }
    }
    if (spent) return { forged: spent.id }
    if (breaksGlass) {
      if ((await countOpen(tx, caller.id, 'unreviewed', now)) >= deps.openApprovals) return {}
      await insertApproval(tx, { ...request, ...waitsFor, state: 'unreviewed' }, sealed())
      await insertEvents(tx, [record('approval.break-glass', version)])
      return { approval: { id: request.id, version: undefined }, isBroken: true }
    }
    const waiting = await findPending(tx, request, now)
    if (waiting !== undefined) return { waiting }
    if ((await countOpen(tx, caller.id, 'pending', now)) >= deps.openApprovals) return {}
    await insertApproval(tx, { ...request, ...waitsFor, state: 'pending' }, sealed())
    await insertEvents(tx, [record('approval.request', version)])
    return { waiting: request.id }
  }
  const claimed = await storeUnderKeys(deps.keys, () => deps.database.transaction(claimIn))
  if (claimed.forged !== undefined) {
    deps.alert('approval-changed', { caller: caller.id, role: asked.role, approval: claimed.forged })
    throw new Problem('approval-required')
  }
  if (claimed.isBroken) deps.alert('glass-broken', { caller: caller.id, role: asked.role, approval: asked.id })
  if (claimed.approval !== undefined) return claimed.approval
  if (claimed.waiting === undefined) throw new Problem('too-many-requests', { retryAfterSeconds: HOUR_MS / 1000 })
  throw new Problem('approval-required', { extensions: { approval: claimed.waiting } })
}
