import { approvalMac } from '../access/approval-mac.ts'
import { type Approval, decideApproval, selectApproval, selectOpenApprovals } from '../access/approval-store.ts'
import { auditCaller, type Caller } from '../access/caller.ts'
import { insertEvents } from '../audit/audit-store.ts'
import { reasonContext } from '../keys/sealed-columns.ts'
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

/** What waits on the caller's site to be approved or reviewed. */
export async function listApprovals(deps: Pick<RecordDeps, 'database' | 'now'>, caller: Caller): Promise<Approval[]> {
  return selectOpenApprovals(deps.database, caller.site, deps.now())
}

/** @throws {Problem} approval-not-found, record-not-found, record-gone, audit-unavailable */
export async function readApproval(deps: Deps, caller: Caller, id: string, facts: RequestFacts): Promise<ApprovalView> {
  const found = await selectApproval(deps.database, caller.site, id)
  if (found === undefined) throw new Problem('approval-not-found')
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
  const approval = await selectApproval(deps.database, caller.site, id)
  if (approval === undefined) throw new Problem('approval-not-found')
  // A program is nobody's second person, and one person is not two.
  if (approval.caller === caller.id || caller.kind !== 'staff') throw new Problem('own-request')
  const at = deps.now()
  const decision = { from: FROM[verdict], to: TO[verdict], by: caller.id, at }
  const expiresAt = new Date(at.getTime() + APPROVED_FOR_MS)
  const mac = approvalMac(deps.keys, approval, expiresAt)
  await deps.database.transaction(async (tx) => {
    if (!(await decideApproval(tx, approval, { ...decision, expiresAt, mac }))) throw new Problem('approval-decided')
    const event = deps.newAuditEvent({
      ...{ type: `approval.${verdict}`, outcome: 'success', request_id: facts.requestId, caller: auditCaller(caller) },
      ...{ site: caller.site, token: approval.token, kind: kindNameOf(approval.token as Token) },
      ...{ purpose: approval.purpose, fields: approval.fields, subject: id, ticket: approval.ticket ?? undefined },
      authority: approval.authority ?? undefined,
    })
    await insertEvents(tx, [event])
  })
  return { id, state: decision.to }
}
