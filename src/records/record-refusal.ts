import type { Caller } from '../access/caller.ts'
import type { StrangerLimit } from '../access/stranger-limit.ts'
import type { NewAuditEvent } from '../audit/audit-event.ts'
import type { RecordEvent } from '../audit/record-event.ts'
import type { Refusal } from '../http/route.ts'
import type { Problem } from '../problem.ts'
import { parseToken } from './token.ts'

/**
 * Writes the event of a refused request before the refusal is answered.
 *
 * @returns the problem to answer with: that of the refusal, or too-many-requests to an unknown caller beyond the limit
 * @throws {Problem} audit-unavailable, database-unavailable
 */
export function createRecordRefusal(deps: {
  newAuditEvent: NewAuditEvent
  recordEvent: RecordEvent
  strangers: StrangerLimit
}): (refusal: Refusal<Caller>) => Promise<Problem> {
  return async ({ problem, requestId, route, caller, token, source }) => {
    const instead = caller === undefined ? await deps.strangers.count(source) : undefined
    if (instead !== undefined) return problem.status === 429 ? problem : instead
    const event = deps.newAuditEvent({
      type: 'request.refuse',
      outcome: problem.status >= 500 ? 'failed' : 'refused',
      request_id: requestId,
      caller: caller && { id: caller.id, kind: caller.kind, role: caller.role },
      site: caller?.site,
      // An unknown caller has no site, so every site's auditor may read this: it says nothing of a record.
      // What no record has is no token but somebody's input, and is not kept either.
      token: caller && token !== undefined && problem.code !== 'record-not-found' ? parseToken(token) : undefined,
      code: problem.code,
      reason: problem.disbelief?.reason,
      subject: problem.disbelief?.claimedClient,
      route,
    })
    await deps.recordEvent(event)
    return problem
  }
}
