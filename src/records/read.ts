import { auditCaller, type Caller } from '../access/caller.ts'
import { seesBin } from '../access/grant.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import { findLiveRecord } from './find-live-record.ts'
import { release } from './release.ts'
import { maskedView, openDisplay } from './sealed-record.ts'

/**
 * Answers with the masked view of a record. Never opens the secret part.
 *
 * @throws {Problem} record-not-found, record-gone, record-integrity, audit-unavailable
 */
export function readRecord(
  deps: Pick<RecordDeps, 'batches' | 'keys' | 'kinds' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  input: { token: string },
  facts: RequestFacts,
): Promise<Record<string, unknown>> {
  return release(deps.batches, async () => {
    const record = await findLiveRecord(deps.batches, caller.site, input.token)
    const value = maskedView(deps.kinds, record, await openDisplay(deps.keys, record), { bin: seesBin(caller) })
    const event = deps.newAuditEvent({
      type: 'record.read',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller),
      site: caller.site,
      token: record.token,
      kind: record.kind,
      policy_version: record.policyVersion,
      record_version: record.version,
    })
    return { value, release: { events: [event], records: [record], now: deps.now() } }
  })
}
