import { lapseApprovals } from '../access/approval-store.ts'
import { auditCaller, type Caller } from '../access/caller.ts'
import { seesBin } from '../access/grant.ts'
import { insertEvents } from '../audit/audit-store.ts'
import { parseInput } from '../parse-input.ts'
import { Problem } from '../problem.ts'
import { Sensitive } from '../sensitive.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import type { StoredRecord } from './record.ts'
import { lockRecord, replaceRecord } from './record-store.ts'
import { requireLive } from './require-live.ts'
import { maskedView, openDetails, openDisplay, sealRecord } from './sealed-record.ts'
import { kindNameOf, parseToken } from './token.ts'

/**
 * Puts corrected details in the place of a record's, as its next version; the old version is kept, sealed. `null` removes
 * an optional field. The whole must still be acceptable afterwards.
 *
 * @throws {Problem} record-not-found, record-gone, invalid-input and its kin, record-integrity, audit-unavailable
 */
export async function correctRecord(
  deps: Pick<RecordDeps, 'database' | 'keys' | 'kinds' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  input: { token: string; changes: Sensitive<unknown> },
  facts: RequestFacts,
): Promise<Record<string, unknown>> {
  const token = parseToken(input.token)
  if (token === undefined) throw new Problem('record-not-found')
  const kind = deps.kinds[kindNameOf(token)]
  const changes = parseInput(kind.correction, input.changes.expose())
  return deps.database.transaction(async (tx) => {
    const current = requireLive(await lockRecord(tx, caller.site, token))
    const { customer, use } = await openDisplay(deps.keys, current)
    const corrected = new Sensitive(kind.correct(await openDetails(deps.keys, current), changes))
    const identity = { token, kind: current.kind, site: current.site, version: current.version + 1 }
    const content = { details: corrected, customer, use }
    const { display, secret, terms, shown } = sealRecord(deps.keys, kind, identity, content)
    const record: StoredRecord = { ...current, ...identity, display, secret, updatedAt: deps.now() }
    await replaceRecord(tx, record, terms)
    await lapseApprovals(tx, token, record.updatedAt)
    const event = deps.newAuditEvent({
      type: 'record.correct',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller),
      site: caller.site,
      token,
      kind: record.kind,
      fields: Object.keys(changes),
      policy_version: record.policyVersion,
      record_version: record.version,
    })
    await insertEvents(tx, [event])
    return maskedView(deps.kinds, record, shown, { bin: seesBin(caller) })
  })
}
