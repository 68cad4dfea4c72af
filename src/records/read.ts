import { spendOrRefuse } from '../access/budget.ts'
import { auditCaller, type Caller } from '../access/caller.ts'
import { seesBin } from '../access/grant.ts'
import { leaveOutRecord } from '../audit/unfinished-event.ts'
import { Problem } from '../problem.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import { requireReleased } from './require-live.ts'
import { maskedView, openDisplay } from './sealed-record.ts'
import { kindNameOf, parseToken } from './token.ts'

/**
 * Answers with the masked view of a record. Never opens the secret part.
 *
 * @throws {Problem} record-not-found, record-gone, budget-spent, record-integrity, audit-unavailable
 */
export async function readRecord(
  deps: Pick<RecordDeps, 'batches' | 'budgets' | 'keys' | 'kinds' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  input: { token: string },
  facts: RequestFacts,
): Promise<Record<string, unknown>> {
  const token = parseToken(input.token)
  if (token === undefined) throw new Problem('record-not-found')
  await spendOrRefuse(deps.budgets, caller, undefined, [token])
  const event = leaveOutRecord(deps.newAuditEvent, {
    type: 'record.read',
    outcome: 'success',
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: caller.site,
    token,
    kind: kindNameOf(token),
  })
  const records = [{ token, part: 'display', event }] as const
  const [outcome] = await deps.batches.release({ owner: caller.id, site: caller.site, records, now: deps.now() })
  const record = requireReleased(outcome)
  return maskedView(deps.kinds, record, await openDisplay(deps.keys, { ...record, display: record.sealed }), {
    bin: seesBin(caller),
  })
}
