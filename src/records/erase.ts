import { lapseApprovals } from '../access/approval-store.ts'
import { auditCaller, type Caller } from '../access/caller.ts'
import { insertEvents } from '../audit/audit-store.ts'
import { Problem } from '../problem.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import { eraseRecordRow, lockRecord } from './record-store.ts'
import { requireLive } from './require-live.ts'
import { parseToken } from './token.ts'

/**
 * Erases a record with all its versions and search terms. Its token answers 410 from then on.
 *
 * @throws {Problem} record-not-found, record-gone, audit-unavailable
 */
export async function eraseRecord(
  deps: Pick<RecordDeps, 'database' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  input: { token: string },
  facts: RequestFacts,
): Promise<void> {
  const token = parseToken(input.token)
  if (token === undefined) throw new Problem('record-not-found')
  await deps.database.transaction(async (tx) => {
    const record = requireLive(await lockRecord(tx, caller.site, token))
    const now = deps.now()
    await eraseRecordRow(tx, token, now)
    await lapseApprovals(tx, token, now)
    const event = deps.newAuditEvent({
      type: 'record.erase',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller),
      site: caller.site,
      token,
      kind: record.kind,
      policy_version: record.policyVersion,
    })
    await insertEvents(tx, [event])
  })
}
