import { isApprovalOfVault } from '../../access/approvals/approval-mac.ts'
import {
  type ApprovalRequest,
  type ApprovedRow,
  countOpen,
  findApproved,
  findPending,
  insertApproval,
  lockApprovals,
} from '../../access/approvals/approval-store.ts'
import { isRequestOfVault, REQUEST_LASTS_MS, requestMac } from '../../access/approvals/request-mac.ts'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import type { Purpose } from '../../access/policy/purpose.ts'
import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import { findReleasesUnder } from '../../audit/event/event-lookup-store.ts'
import { isIntactFrom } from '../../audit/log/log-end.ts'
import type { Queryable } from '../../database/database.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import { requirePurpose } from '../../policies/require-purpose.ts'
import { Problem } from '../../values/problem.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import { lockForRelease } from '../record/record-store.ts'
import { sealReason } from '../record/seal-reason.ts'
import { kindNameOf, type Token } from '../record/token.ts'
import type { ApprovalNeed } from './plan-reveal.ts'
import { requireLive } from './require-live.ts'

const HOUR_MS = 60 * 60 * 1000

export type RedeemDeps = Pick<
  RecordDeps,
  | 'alert'
  | 'database'
  | 'erasures'
  | 'keys'
  | 'newAuditEvent'
  | 'newId'
  | 'now'
  | 'openApprovals'
  | 'policies'
  | 'usedApprovals'
>

/** The permission for a release that needs a second person. */
export interface RedeemedApproval {
  id: string
  /** The version of the record that was approved, and until when; undefined without an approval (break-glass). */
  approved: { version: number; until: Date } | undefined
}

/** What a second person approves. */
export interface ApprovalQuestion {
  token: Token
  needs: ApprovalNeed
  purpose: Purpose
  reason?: string | undefined
  ticket?: string | undefined
  authority?: string | undefined
  /** The third party to whose key it leaves. */
  partner?: string | undefined
  /** The approvals that the items of the same request before this one use. */
  taken: ReadonlySet<string>
}

/** A request for an approval, before its record was looked at. */
type Asked = Omit<ApprovalRequest, 'record_version' | 'token' | 'purpose'> & { token: Token; purpose: Purpose }

/** The same for the version of the record that is there. */
type LocatedRequest = Asked & { record_version: number }

/** The result, and approvals that are not the vault's or were used before. */
interface Outcome {
  forged: string[]
  approval?: RedeemedApproval
  /** The id of the request that waits for an approval. */
  waiting?: string
}

/**
 * For grants that need an approval: finds the one for exactly this caller, version of the record, fields, purpose,
 * ticket and partner, or asks for one. The release redeems it. A caller that may break the glass continues at once; that is an
 * alert, and waits for a review. The record is checked first, so that no approval is requested for a record that cannot
 * be released.
 *
 * @throws {Problem} record-not-found, record-gone, purpose-not-notified, consent-missing, erasure-postponed,
 *   approval-required with the id of the request, too-many-requests
 */
export async function redeemApproval(
  deps: RedeemDeps,
  caller: Caller,
  question: ApprovalQuestion,
  facts: RequestFacts,
): Promise<RedeemedApproval> {
  const { token, needs, purpose, reason, ticket, authority, partner, taken } = question
  const now = deps.now()
  const asked: Asked = {
    id: deps.newId('apr'),
    caller: caller.id,
    role: caller.role ?? '',
    site: caller.site,
    token,
    fields: needs.approved.fields,
    purpose,
    ticket: ticket ?? null,
    authority: authority ?? null,
    partner: partner ?? null,
  }
  // An approval that this process uses from here on may still look unused in a snapshot of the database.
  const used = deps.usedApprovals.at(now)
  const policies = await deps.policies.at(caller.policies)
  await deps.keys.ensureFresh()

  async function insert(tx: Queryable, request: LocatedRequest, state: 'pending' | 'unreviewed'): Promise<void> {
    const expires_at = new Date(now.getTime() + REQUEST_LASTS_MS)
    const row = { ...request, requested_at: now, expires_at, state, decided_by: null, decided_at: null }
    const sealed = reason === undefined ? undefined : sealReason(deps, request.id, reason)
    await insertApproval(tx, { ...row, request_mac: requestMac(deps.keys, row) }, sealed)
    await insertEvents(tx, [requestEvent(deps, caller, facts, row)])
  }

  async function redeemIn(tx: Queryable): Promise<Outcome> {
    await deps.keys.macs.hold(tx, 'access-mac')
    const record = requireLive(await lockForRelease(tx, asked.site, asked.token))
    requirePurpose(policies, purpose, { ...record, kind: kindNameOf(token) })
    deps.erasures.requireUnrestricted(token, purpose)
    const { version } = record
    const request: LocatedRequest = { ...asked, record_version: version }
    await lockApprovals(tx, caller.id)
    const found = (await findApproved(tx, request, now)).filter(({ id }) => !taken.has(id))
    const forged: string[] = []
    for (const row of found) {
      if (!row.is_used && !used.has(row.id) && (await isUnusedApproval(deps, tx, row)))
        return { forged, approval: { id: row.id, approved: { version, until: row.expires_at } } }
      forged.push(row.id)
    }
    if (needs.urgent !== undefined) {
      if ((await countOpen(tx, caller.id, 'unreviewed', now)) >= deps.openApprovals) return { forged }
      await insert(tx, { ...request, fields: needs.urgent.fields }, 'unreviewed')
      return { forged, approval: { id: request.id, approved: undefined } }
    }
    for (const row of await findPending(tx, request, now)) {
      if (await isRequestOfVault(deps.keys, row)) return { forged, waiting: row.id }
      forged.push(row.id)
    }
    if ((await countOpen(tx, caller.id, 'pending', now)) >= deps.openApprovals) return { forged }
    await insert(tx, request, 'pending')
    return { forged, waiting: request.id }
  }

  const { forged, approval, waiting } = await storeUnderKeys(deps.keys, () => deps.database.transaction(redeemIn))
  const about = { caller: caller.id, role: asked.role }
  for (const id of forged) deps.alert('approval-changed', { ...about, approval: id })
  if (approval !== undefined && approval.approved === undefined)
    deps.alert('glass-broken', { ...about, approval: approval.id })
  if (approval !== undefined) return approval
  if (waiting === undefined) throw new Problem('too-many-requests', { retryAfterSeconds: HOUR_MS / 1000 })
  throw new Problem('approval-required', { approval: waiting })
}

/** The event of a request: that it waits for an approval, or that the glass was broken. */
function requestEvent(
  { newAuditEvent }: Pick<RedeemDeps, 'newAuditEvent'>,
  caller: Caller,
  facts: RequestFacts,
  request: LocatedRequest & { state: 'pending' | 'unreviewed' },
): AuditEvent {
  return newAuditEvent({
    type: request.state === 'pending' ? 'approval.request' : 'approval.break-glass',
    outcome: 'success',
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: request.site,
    token: request.token,
    kind: kindNameOf(request.token),
    purpose: request.purpose,
    record_version: request.record_version,
    fields: request.fields,
    subject: request.id,
    ticket: request.ticket ?? undefined,
    authority: request.authority ?? undefined,
    partner: request.partner ?? undefined,
  })
}

/**
 * Whether the vault gave an approval, and no event says that it was used. Its rows cannot tell: their owner can put them back. The
 * events of the log since the decision must all be there, as they were hashed: one that is missing may be that of the release.
 */
async function isUnusedApproval({ keys }: Pick<RedeemDeps, 'keys'>, tx: Queryable, row: ApprovedRow): Promise<boolean> {
  if (row.log_size === null || !(await isApprovalOfVault(keys, row))) return false
  if ((await findReleasesUnder(tx, row.id)).length > 0) return false
  return isIntactFrom(tx, keys.ring.all('audit-signing'), row.log_size)
}
