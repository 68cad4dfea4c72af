import { approvalMac } from '../access/approval-mac.ts'
import {
  type Approval,
  type ApprovalFilter,
  decideApproval,
  selectApproval,
  selectApprovals,
} from '../access/approval-store.ts'
import { auditCaller, type Caller } from '../access/caller.ts'
import { isSamePerson } from '../access/person.ts'
import { insertEvents } from '../audit/audit-store.ts'
import { reasonContext } from '../keys/sealed-columns.ts'
import type { Kind } from '../kinds/kind.ts'
import { Problem } from '../problem.ts'
import { Sensitive } from '../sensitive.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import { readRecord } from './read.ts'
import { kindNameOf, type Token } from './token.ts'

/** An approval is for what is to be done now. */
const APPROVED_FOR_MS = 15 * 60 * 1000

/** Approve or refuse what waits; review what did not wait. */
export type Verdict = 'approve' | 'refuse' | 'review'

const FROM = { approve: 'pending', refuse: 'pending', review: 'unreviewed' } as const
const TO = { approve: 'approved', refuse: 'refused', review: 'reviewed' } as const

/** What a second person sees of it: who, what and why, and the record masked; never the data. */
export interface ApprovalView {
  approval: Approval
  reason: Sensitive<string> | undefined
  record: Record<string, unknown>
}

type Deps = Pick<RecordDeps, 'batches' | 'budgets' | 'database' | 'keys' | 'kinds' | 'newAuditEvent' | 'now'>

export interface ApprovalPage {
  approvals: Approval[]
  /** What to pass as `after` for the next page; null at the end. */
  next: string | null
}

/** What a list is narrowed to; everything that is open when it says nothing. */
export interface ApprovalQuery extends Omit<ApprovalFilter, 'site' | 'states' | 'tokenPrefix'> {
  state?: ApprovalFilter['states'][number] | undefined
  kind?: Kind['name'] | undefined
}

/**
 * A page of the requests on the caller's site: what must be reviewed first, then the oldest first. The event that says whose
 * records were shown has committed before.
 *
 * @throws {Problem} audit-unavailable
 */
export async function listApprovals(
  deps: Pick<RecordDeps, 'database' | 'kinds' | 'newAuditEvent' | 'now' | 'recordEvent'>,
  caller: Caller,
  { state, kind, ...query }: ApprovalQuery,
  facts: RequestFacts,
): Promise<ApprovalPage> {
  const states = state === undefined ? (['pending', 'unreviewed'] as const) : [state]
  const tokenPrefix = kind && `${deps.kinds[kind].tokenPrefix}_`
  const filter = { ...query, site: caller.site, states, tokenPrefix, limit: query.limit + 1 }
  const found = await selectApprovals(deps.database, filter, deps.now())
  const approvals = found.slice(0, query.limit)
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
  await deps.recordEvent(event)
  const last = approvals.at(-1)
  return { approvals, next: found.length > approvals.length && last ? cursorOf(last) : null }
}

const APPROVAL_ID = /^apr_[0-9a-z]{1,40}$/
const CURSOR = /^(r|w)(apr_[0-9a-z]{1,40})$/

/** Where a page ends: whether it is among what must be reviewed, and which request it is. */
function cursorOf({ id, state }: Approval): string {
  return `${state === 'unreviewed' ? 'r' : 'w'}${id}`
}

/** Undefined for what is no cursor. */
export function parseCursor(text: string): ApprovalFilter['after'] {
  const [, rank, id] = CURSOR.exec(text) ?? []
  return id === undefined ? undefined : { id, isUnreviewed: rank === 'r' }
}

/** @throws {Problem} approval-not-found */
async function requireApproval({ database }: Pick<Deps, 'database'>, { site }: Caller, id: string) {
  // What can be no id is not asked for: the database does not take every text.
  const found = APPROVAL_ID.test(id) ? await selectApproval(database, site, id) : undefined
  if (found === undefined) throw new Problem('approval-not-found')
  return found
}

/** @throws {Problem} approval-not-found, record-not-found, record-gone, audit-unavailable */
export async function readApproval(deps: Deps, caller: Caller, id: string, facts: RequestFacts): Promise<ApprovalView> {
  const found = await requireApproval(deps, caller, id)
  const { reason_key_id: keyId, reason_sealed: bytes, ...approval } = found
  // The event of the masked view names who looked, before anything is opened.
  const record = await readRecord(deps, caller, { token: approval.token }, facts)
  if (keyId === null || bytes === null) return { approval, reason: undefined, record }
  const opened = await deps.keys.open({ keyId, bytes }, reasonContext(id))
  const reason = new Sensitive(opened.toString('utf8'))
  opened.fill(0)
  return { approval, reason, record }
}

/**
 * Decides on a request of somebody else's, once, with the event that says so.
 *
 * @throws {Problem} own-request, approval-not-found, approval-decided, audit-unavailable
 */
export async function decideOnApproval(
  deps: Pick<RecordDeps, 'database' | 'keys' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  { id, verdict }: { id: string; verdict: Verdict },
  facts: RequestFacts,
): Promise<Pick<Approval, 'id' | 'state'>> {
  const approval = await requireApproval(deps, caller, id)
  // A program is nobody's second person, and one person is not two.
  if (isSamePerson(approval.caller, caller.id) || caller.kind !== 'staff') throw new Problem('own-request')
  const at = deps.now()
  const decision = { from: FROM[verdict], to: TO[verdict], by: caller.id, at }
  const expiresAt = new Date(at.getTime() + APPROVED_FOR_MS)
  await deps.database.transaction(async (tx) => {
    await deps.keys.macs.hold(tx, 'access-mac')
    const mac = approvalMac(deps.keys, approval, expiresAt)
    if (!(await decideApproval(tx, approval, { ...decision, expiresAt, mac }))) throw new Problem('approval-decided')
    const event = deps.newAuditEvent({
      ...{
        type: `approval.${verdict}`,
        outcome: 'success',
        request_id: facts.requestId,
        caller: auditCaller(caller, facts),
      },
      ...{ site: caller.site, token: approval.token, kind: kindNameOf(approval.token as Token) },
      ...{ purpose: approval.purpose, fields: approval.fields, subject: id, ticket: approval.ticket ?? undefined },
      record_version: approval.record_version ?? undefined,
      authority: approval.authority ?? undefined,
    })
    await insertEvents(tx, [event])
  })
  return { id, state: decision.to }
}
