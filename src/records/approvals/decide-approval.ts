import { approvalMac } from '../../access/approvals/approval-mac.ts'
import {
  type Approval,
  type ApprovalFilter,
  type AskedRow,
  decideApproval,
  selectApproval,
  selectApprovals,
} from '../../access/approvals/approval-store.ts'
import { isRequestOfVault } from '../../access/approvals/request-mac.ts'
import { reasonContext } from '../../access/approvals/sealed-reasons.ts'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { isSamePerson } from '../../access/policy/person.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import { LogChanged, readSignedSize } from '../../audit/log/log-end.ts'
import type { Queryable } from '../../database/database.ts'
import type { Sealed } from '../../keys/sealing/seal-context.ts'
import { type KindName, tokenPrefixes } from '../../kinds/registry.ts'
import { Problem } from '../../values/problem.ts'
import { Sensitive } from '../../values/sensitive.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import { readRecord } from '../read/read.ts'
import { kindNameOf, type Token } from '../record/token.ts'

/** An approval is for a release that is wanted now. */
const APPROVED_FOR_MS = 15 * 60 * 1000

/** `approve` and `refuse` decide on a request that waits. `review` is for a release that did not wait. */
export type Verdict = 'approve' | 'refuse' | 'review'

const FROM = { approve: 'pending', refuse: 'pending', review: 'unreviewed' } as const
const TO = { approve: 'approved', refuse: 'refused', review: 'reviewed' } as const

/** What a second person sees of it: who, what and why, and the record masked; never the data. */
export interface ApprovalView {
  approval: Approval
  reason: Sensitive<string> | undefined
  record: Record<string, unknown>
}

type Deps = Pick<
  RecordDeps,
  'alert' | 'batches' | 'budgets' | 'database' | 'keys' | 'kinds' | 'lookUp' | 'newAuditEvent' | 'now'
>

export interface ApprovalPage {
  approvals: Approval[]
  /** What to pass as `after` for the next page; null at the end. */
  next: string | null
}

/** What a list is narrowed to. Default: every open request. */
export interface ApprovalQuery extends Omit<ApprovalFilter, 'site' | 'states' | 'tokenPrefix'> {
  state?: ApprovalFilter['states'][number] | undefined
  kind?: KindName | undefined
}

/**
 * A page of the requests on the caller's site: what must be reviewed first, then the oldest first. The event that names
 * the shown records has committed before. A changed request is left out, and is an alert.
 *
 * @throws {Problem} audit-unavailable
 */
export async function listApprovals(
  deps: Pick<RecordDeps, 'alert' | 'database' | 'keys' | 'kinds' | 'newAuditEvent' | 'now' | 'writeAuditEvent'>,
  caller: Caller,
  { state, kind, ...query }: ApprovalQuery,
  facts: RequestFacts,
): Promise<ApprovalPage> {
  const states = state === undefined ? (['pending', 'unreviewed'] as const) : [state]
  const tokenPrefix = kind && `${tokenPrefixes[kind]}_`
  const filter = { ...query, site: caller.site, states, tokenPrefix, limit: query.limit + 1 }
  const found = await selectApprovals(deps.database, filter, deps.now())
  const page = found.slice(0, query.limit)
  const approvals: Approval[] = []
  for (const row of page) if (await isAsAsked(deps, row)) approvals.push(approvalOf(row))
  const shown = [...new Set(approvals.map(({ token }) => token))]
  const event = deps.newAuditEvent({
    type: 'approval.list',
    outcome: 'success',
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: caller.site,
    purpose: query.purpose,
    count: approvals.length,
    tokens: shown.length === 0 ? undefined : shown,
  })
  await deps.writeAuditEvent(event)
  const last = page.at(-1)
  return { approvals, next: found.length > approvals.length && last ? cursorOf(last) : null }
}

const APPROVAL_ID = /^apr_[0-9a-z]{1,40}$/
const CURSOR = /^(r|w)(apr_[0-9a-z]{1,40})$/

/** Where a page ends: whether it is among what must be reviewed, and which request it is. */
function cursorOf({ id, state }: Approval): string {
  return `${state === 'unreviewed' ? 'r' : 'w'}${id}`
}

/** Undefined for a text that is not a cursor. */
export function parseCursor(text: string): ApprovalFilter['after'] {
  const [, rank, id] = CURSOR.exec(text) ?? []
  return id === undefined ? undefined : { id, isUnreviewed: rank === 'r' }
}

/** @throws {Problem} approval-not-found */
async function requireApproval({ database }: Pick<Deps, 'database'>, { site }: Caller, id: string) {
  // A text that cannot be an id is not looked up: the database does not take every text.
  const found = APPROVAL_ID.test(id) ? await selectApproval(database, site, id) : undefined
  if (found === undefined) throw new Problem('approval-not-found')
  return found
}

/**
 * Whether an open request is still as the vault wrote it; if not, that is an alert. A decided request is not checked.
 */
async function isAsAsked({ alert, keys }: Pick<Deps, 'alert' | 'keys'>, row: AskedRow): Promise<boolean> {
  const isOpen = row.state === 'pending' || row.state === 'unreviewed'
  if (!isOpen || (await isRequestOfVault(keys, row))) return true
  alert('approval-changed', { caller: row.caller, role: row.role, approval: row.id })
  return false
}

function approvalOf({ request_mac: _mac, ...approval }: AskedRow): Approval {
  return approval
}

/**
 * @throws {Problem} approval-not-found, approval-changed, record-not-found, record-gone, record-integrity, audit-unavailable
 */
export async function readApproval(deps: Deps, caller: Caller, id: string, facts: RequestFacts): Promise<ApprovalView> {
  const found = await requireApproval(deps, caller, id)
  if (!(await isAsAsked(deps, found))) throw new Problem('approval-changed')
  const { reason_key_id: keyId, reason_sealed: bytes, ...row } = found
  const approval = approvalOf(row)
  const reason = keyId === null || bytes === null ? undefined : await openReason(deps, id, { keyId, bytes })
  // The event of the masked view names who looked; it commits before anything leaves.
  const record = await readRecord(deps, caller, { token: approval.token }, facts)
  return { approval, reason, record }
}

async function openReason({ keys }: Pick<Deps, 'keys'>, id: string, sealed: Sealed): Promise<Sensitive<string>> {
  const opened = await keys.open(sealed, reasonContext(id))
  const reason = new Sensitive(opened.toString('utf8'))
  opened.fill(0)
  return reason
}

/**
 * Decides on another person's request, once, with the event that says so. The decision is on what was asked and shown.
 *
 * @throws {Problem} own-request, approval-not-found, approval-changed, approval-decided, audit-log-changed,
 *   audit-unavailable
 */
export async function decideOnApproval(
  deps: Pick<RecordDeps, 'alert' | 'database' | 'keys' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  { id, verdict }: { id: string; verdict: Verdict },
  facts: RequestFacts,
): Promise<Pick<Approval, 'id' | 'state'>> {
  const approval = await requireApproval(deps, caller, id)
  // A program cannot be the second person, and one person is not two.
  if (isSamePerson(approval.caller, caller.id) || caller.kind !== 'staff') throw new Problem('own-request')
  if (approval.state !== FROM[verdict]) throw new Problem('approval-decided')
  if (!(await isAsAsked(deps, approval))) throw new Problem('approval-changed')
  const at = deps.now()
  const expiresAt = new Date(at.getTime() + APPROVED_FOR_MS)
  const decision = { from: FROM[verdict], to: TO[verdict], by: caller.id, at, expiresAt }
  const approved = { ...approval, decided_by: caller.id, decided_at: at, expires_at: expiresAt }
  await deps.database.transaction(async (tx) => {
    if (verdict === 'approve') await deps.keys.macs.hold(tx, 'access-mac')
    // A MAC beside anything else would turn it into an approval for a person who can write to the database.
    const logSize = verdict === 'approve' ? await sizeOfLog(deps, tx) : null
    const mac = verdict === 'approve' ? approvalMac(deps.keys, { ...approved, log_size: logSize }) : null
    if (!(await decideApproval(tx, approval, { ...decision, mac, logSize }))) throw new Problem('approval-decided')
    const event = deps.newAuditEvent({
      type: `approval.${verdict}`,
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller, facts),
      site: caller.site,
      token: approval.token,
      kind: kindNameOf(approval.token as Token),
      purpose: approval.purpose,
      fields: approval.fields,
      subject: id,
      ticket: approval.ticket ?? undefined,
      record_version: approval.record_version ?? undefined,
      authority: approval.authority ?? undefined,
      partner: approval.partner ?? undefined,
    })
    await insertEvents(tx, [event])
  })
  return { id, state: decision.to }
}

/** @throws {Problem} audit-log-changed */
async function sizeOfLog({ keys }: Pick<Deps, 'keys'>, tx: Queryable): Promise<number> {
  try {
    return await readSignedSize(tx, keys.ring.all('audit-signing'))
  } catch (error) {
    if (!(error instanceof LogChanged)) throw error
    throw new Problem('audit-log-changed', { cause: error })
  }
}
