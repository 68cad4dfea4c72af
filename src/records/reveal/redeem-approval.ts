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
import { auditCaller, type Caller, definitionOf } from '../../access/policy/caller.ts'
import type { Circumstances } from '../../access/policy/condition.ts'
import { decideReveal } from '../../access/policy/grant.ts'
import { needsConsent, type Purpose } from '../../access/policy/purpose.ts'
import { conditionsOf } from '../../access/policy/roles.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import { findReleasesUnder } from '../../audit/event/event-lookup-store.ts'
import { isIntactFrom } from '../../audit/log/log-end.ts'
import type { Queryable } from '../../database/database.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import { Problem } from '../../values/problem.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import { lockForRelease } from '../record/record-store.ts'
import { sealReason } from '../record/seal-reason.ts'
import { kindNameOf, parseToken, type Token } from '../record/token.ts'
import { requireLive } from './require-live.ts'

const HOUR_MS = 60 * 60 * 1000

export type RedeemDeps = Pick<
  RecordDeps,
  'alert' | 'database' | 'keys' | 'newAuditEvent' | 'newId' | 'now' | 'openApprovals' | 'usedApprovals'
>

/** What lets a release out that needs a second person. */
export interface RedeemedApproval {
  id: string
  /** The version of the record that was approved, and until when; undefined where nobody approved it (break-glass). */
  approved: { version: number; until: Date } | undefined
}

export interface ApprovalQuestion {
  token: string
  fields?: readonly string[] | undefined
  purpose: Purpose
  reason?: string | undefined
  ticket?: string | undefined
  authority?: string | undefined
  /** The approvals that the items of the same request before this one use. */
  taken: ReadonlySet<string>
}

/**
 * For what a grant lets out with an approval only: finds the one that there is for exactly this caller, version of the
 * record, fields, purpose and ticket, or asks for one. The release uses it up. A caller that may break the glass goes on at
 * once; that is an alert, and waits for a review. Nothing is asked for that cannot be released: the record comes first.
 *
 * @returns undefined for what needs no approval
 * @throws {Problem} record-not-found, record-gone, consent-missing, approval-required with the id of the request,
 *   too-many-requests
 */
export async function redeemApproval(
  deps: RedeemDeps,
  caller: Caller,
  { token: text, fields: wanted, purpose, reason, ticket, authority, taken }: ApprovalQuestion,
  circumstances: Circumstances,
  facts: RequestFacts,
): Promise<RedeemedApproval | undefined> {
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
  return redeem(deps, caller, request, { reason, breaksGlass, taken }, facts)
}

/** A request before its record was looked at. */
type Asked = Omit<ApprovalRequest, 'record_version' | 'token' | 'purpose'> & { token: Token; purpose: Purpose }

async function redeem(
  deps: RedeemDeps,
  caller: Caller,
  asked: Asked,
  { reason, breaksGlass, taken }: { reason: string | undefined; breaksGlass: boolean; taken: ReadonlySet<string> },
  facts: RequestFacts,
): Promise<RedeemedApproval> {
  const now = deps.now()
  const waitsFor = { requested_at: now, expires_at: new Date(now.getTime() + REQUEST_LASTS_MS) }
  // What this process uses from here on may still look unused in a snapshot of the database.
  const used = deps.usedApprovals.at(now)
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
  const insert = async (tx: Queryable, request: ApprovalRequest, state: 'pending' | 'unreviewed') => {
    const row = { ...request, ...waitsFor, state, decided_by: null, decided_at: null }
    await insertApproval(tx, { ...row, request_mac: requestMac(deps.keys, row) }, sealed())
  }
  const redeemIn = async (tx: Queryable) => {
    await deps.keys.macs.hold(tx, 'access-mac')
    const { version, consents } = requireLive(await lockForRelease(tx, asked.site, asked.token))
    if (needsConsent(asked.purpose) && !consents.includes(asked.purpose)) throw new Problem('consent-missing')
    const request: ApprovalRequest = { ...asked, record_version: version }
    await lockApprovals(tx, caller.id)
    const found = (await findApproved(tx, request, now)).filter(({ id }) => !taken.has(id))
    const forged: string[] = []
    for (const row of found) {
      if (!row.is_used && !used.has(row.id) && (await isUnusedApproval(deps, tx, row)))
        return { forged, approval: { id: row.id, approved: { version, until: row.expires_at } } }
      forged.push(row.id)
    }
    if (breaksGlass) {
      if ((await countOpen(tx, caller.id, 'unreviewed', now)) >= deps.openApprovals) return { forged }
      await insert(tx, request, 'unreviewed')
      await insertEvents(tx, [record('approval.break-glass', version)])
      return { forged, approval: { id: request.id, approved: undefined }, isBroken: true }
    }
    for (const row of await findPending(tx, request, now)) {
      if (await isRequestOfVault(deps.keys, row)) return { forged, waiting: row.id }
      forged.push(row.id)
    }
    if ((await countOpen(tx, caller.id, 'pending', now)) >= deps.openApprovals) return { forged }
    await insert(tx, request, 'pending')
    await insertEvents(tx, [record('approval.request', version)])
    return { forged, waiting: request.id }
  }
  const redeemed = await storeUnderKeys(deps.keys, () => deps.database.transaction(redeemIn))
  for (const approval of redeemed.forged)
    deps.alert('approval-changed', { caller: caller.id, role: asked.role, approval })
  if (redeemed.isBroken) deps.alert('glass-broken', { caller: caller.id, role: asked.role, approval: asked.id })
  if (redeemed.approval !== undefined) return redeemed.approval
  if (redeemed.waiting === undefined) throw new Problem('too-many-requests', { retryAfterSeconds: HOUR_MS / 1000 })
  throw new Problem('approval-required', { approval: redeemed.waiting })
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
