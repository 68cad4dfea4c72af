import { consumeOrRefuse } from '../../access/limits/budget.ts'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { seesBin } from '../../access/policy/grant.ts'
import { leaveOutRecord } from '../../audit/event/unfinished-event.ts'
import { Problem } from '../../values/problem.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import { maskedView, openDisplay, requireOwnToken } from '../record/sealed-record.ts'
import { kindNameOf, parseToken } from '../record/token.ts'
import { requireLive, requireReleased } from '../reveal/require-live.ts'

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3

/**
 * Answers with the masked view of a record. Never opens the secret part. The record is opened first, so that a failed
 * release leaves no event of success; the statement that commits the event ensures that the record is still as it was
 * opened.
 *
 * @throws {Problem} record-not-found, record-gone, record-changed, budget-spent, record-integrity, audit-unavailable
 */
export async function readRecord(
  deps: Pick<RecordDeps, 'batches' | 'budgets' | 'keys' | 'kinds' | 'lookUp' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  input: { token: string },
  facts: RequestFacts,
): Promise<Record<string, unknown>> {
  const token = parseToken(input.token)
  if (token === undefined) throw new Problem('record-not-found')
  await consumeOrRefuse(deps.budgets, caller, undefined, [token])
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await deps.lookUp({ owner: caller.id, site: caller.site, tokens: [token], part: 'display' })
    const record = requireLive(found[0])
    await requireOwnToken(deps.keys, record, 'display', token)
    const display = await openDisplay(deps.keys, { ...record, display: record.sealed })
    const event = leaveOutRecord(deps.newAuditEvent, {
      type: 'record.read',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller, facts),
      site: caller.site,
      token,
      kind: kindNameOf(token),
    })
    const records = [{ record, event }]
    const whose = { owner: caller.id, presumption: caller.presumption, site: caller.site }
    const [outcome] = await deps.batches.release({ ...whose, records, now: deps.now() })
    if (outcome === 'changed') continue
    requireReleased(outcome)
    return maskedView(deps.kinds, record, display, { bin: seesBin(caller) })
  }
  throw new Problem('record-changed', { retryAfterSeconds: 1 })
}
