import { lapseApprovals } from '../../access/approvals/approval-store.ts'
import { insertReason } from '../../access/approvals/reason-store.ts'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Queryable } from '../../database/database.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import { Problem } from '../../values/problem.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import { type IdempotencyRow, insertIdempotency } from '../idempotency/idempotency-store.ts'
import { lockRecord } from '../record/record-store.ts'
import { sealReason } from '../record/seal-reason.ts'
import { requireLive } from '../reveal/require-live.ts'
import { orderErasures, orderOf } from './order-erasures.ts'
import { type ChangeRequest, permitChange, tokenToChange } from './permit-change.ts'
import { eraseRecordRow } from './record-change-store.ts'

/**
 * Erases a record with all its versions and search terms. Its token answers 410 from then on. The reason for it is
 * kept, sealed, beside the event; those of earlier events are erased with the record. The intent is written ahead, so
 * that an erasure which was cut off is finished, and a backup from before is noticed.
 *
 * @throws {Problem} purpose-not-permitted, condition-not-met, record-not-found, record-gone, budget-spent,
 *   erasure-postponed, audit-unavailable
 */
export async function eraseRecord(
  deps: Pick<RecordDeps, 'budgets' | 'database' | 'erasures' | 'keys' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  input: ChangeRequest,
  facts: RequestFacts,
  extra: { idempotency?: (() => IdempotencyRow) | undefined } = {},
): Promise<void> {
  const { erasures } = deps
  const scope = 'token:erase'
  const token = tokenToChange(deps, caller, scope, input)
  await permitChange(deps, caller, { scope, token }, input)
  const { purpose, reason, ticket } = input
  await deps.keys.ensureFresh()
  await orderErasures(deps, [{ token, site: caller.site }], orderOf(caller, facts, { purpose, ticket }))
  const eraseIn = async (tx: Queryable) => {
    const now = deps.now()
    // First, so that the same request on another server waits for this one and repeats its answer.
    await insertIdempotency(tx, { idempotency: extra.idempotency?.(), now })
    const record = requireLive(await lockRecord(tx, caller.site, token))
    if (await erasures.isHeld(tx, token)) throw new Problem('erasure-postponed')
    await eraseRecordRow(tx, token, now)
    await erasures.finish(tx, [record], now)
    await lapseApprovals(tx, token, now)
    const event = deps.newAuditEvent({
      type: 'record.erase',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller, facts),
      site: caller.site,
      token,
      kind: record.kind,
      purpose,
      ticket,
      policy_version: record.policyVersion,
    })
    await insertEvents(tx, [event])
    await insertReason(tx, event.id, reason === undefined ? undefined : sealReason(deps, event.id, reason))
  }
  await storeUnderKeys(deps.keys, () => deps.database.transaction(eraseIn))
}
