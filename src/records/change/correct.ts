import { lapseApprovals } from '../../access/approvals/approval-store.ts'
import { insertReason } from '../../access/approvals/reason-store.ts'
import { consumeOrRefuse } from '../../access/limits/budget.ts'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { seesBin } from '../../access/policy/grant.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Queryable } from '../../database/database.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import { parseInput } from '../../values/parse-input.ts'
import { Sensitive } from '../../values/sensitive.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import type { StoredRecord } from '../record/record.ts'
import { lockRecord } from '../record/record-store.ts'
import { sealReason } from '../record/seal-reason.ts'
import { keptVersion, maskedView, openDetails, openDisplay, sealRecord } from '../record/sealed-record.ts'
import { kindNameOf } from '../record/token.ts'
import { requireLive } from '../reveal/require-live.ts'
import { type ChangeRequest, permitChange, tokenToChange } from './permit-change.ts'
import { replaceRecord } from './record-change-store.ts'

/**
 * Puts corrected details in the place of a record's, as its next version; the old version is kept, sealed. `null`
 * removes an optional field. The corrected record must be acceptable as a new one is. The answer is a masked view,
 * with the partners that were given an old value, and is counted as one.
 *
 * @throws {Problem} purpose-not-permitted, condition-not-met, record-not-found, record-gone, budget-spent,
 *   invalid-input and the other codes of input, record-integrity, audit-unavailable
 */
export async function correctRecord(
  deps: Pick<RecordDeps, 'afterCorrection' | 'budgets' | 'database' | 'keys' | 'kinds' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  input: ChangeRequest & { changes: Sensitive<unknown> },
  facts: RequestFacts,
): Promise<Record<string, unknown>> {
  const scope = 'token:correct'
  const token = tokenToChange(deps, caller, scope, input)
  const kind = deps.kinds[kindNameOf(token)]
  const changes = parseInput(kind.correction, input.changes.expose())
  await deps.keys.ensureFresh()
  await consumeOrRefuse(deps.budgets, caller, undefined, [token])
  await permitChange(deps, caller, { scope, token }, input)
  const { purpose, reason, ticket } = input
  const correctIn = async (tx: Queryable) => {
    const current = requireLive(await lockRecord(tx, caller.site, token))
    const { shown: _, ...kept } = await openDisplay(deps.keys, current)
    const corrected = new Sensitive(kind.correct(await openDetails(deps.keys, current), changes))
    const updatedAt = deps.now()
    const next = { ...current, version: current.version + 1, updatedAt }
    const content = { ...kept, details: corrected }
    const { display, secret, terms, shown } = sealRecord(deps.keys, kind, next, content)
    const record: StoredRecord = { ...next, display, secret }
    await replaceRecord(tx, await keptVersion(deps.keys, current, updatedAt), record, terms)
    await lapseApprovals(tx, token, record.updatedAt)
    const event = deps.newAuditEvent({
      type: 'record.correct',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller, facts),
      site: caller.site,
      token,
      kind: record.kind,
      fields: Object.keys(changes),
      purpose,
      ticket,
      policy_version: record.policyVersion,
      record_version: record.version,
    })
    await insertEvents(tx, [event])
    await insertReason(tx, event.id, reason === undefined ? undefined : sealReason(deps, event.id, reason))
    const given = await deps.afterCorrection(tx, {
      ...{ token, kind: record.kind, site: caller.site, fields: Object.keys(changes), version: record.version },
      ...{ caller: auditCaller(caller, facts), requestId: facts.requestId },
    })
    const view = maskedView(deps.kinds, record, shown, { bin: seesBin(caller) })
    return given.length === 0 ? view : { ...view, disclosed_to: given }
  }
  return storeUnderKeys(deps.keys, () => deps.database.transaction(correctIn))
}
