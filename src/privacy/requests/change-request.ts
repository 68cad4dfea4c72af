import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Queryable } from '../../database/database.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import type { RequestFacts as Facts } from '../../records/dependencies.ts'
import { Problem } from '../../values/problem.ts'
import { extendedFrom } from './jurisdictions.ts'
import type { OpenRequestDeps } from './open-request.ts'
import { isClosed, type PrivacyRequest, type RequestView, viewOf } from './privacy-request.ts'
import { requireRequest } from './read-requests.ts'
import type { RequestChange } from './request-schema.ts'
import { selectRequest, updateRequest } from './request-store.ts'
import { requirePast } from './require-past.ts'
import { sealRequest } from './sealed-requests.ts'

/**
 * Changes a request that is not closed. A refusal and an extension say why. A proof of identity can be replaced, and not taken
 * back.
 *
 * @throws {Problem} privacy-request-not-found, privacy-request-closed, invalid-input, audit-unavailable
 */
export async function changePrivacyRequest(
  deps: Omit<OpenRequestDeps, 'newId'>,
  caller: Caller,
  id: string,
  change: RequestChange,
  facts: Facts,
): Promise<RequestView> {
  const now = deps.now()
  const changeIn = async (tx: Queryable) => {
    const before = await requireRequest(deps, caller, () => selectRequest(tx, caller.site, id, true))
    const request = changed(before, change, now)
    await updateRequest(tx, { ...request, facts: sealRequest(deps.keys, request) })
    const event = deps.newAuditEvent({
      type: 'privacy-request.change',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller, facts),
      site: caller.site,
      subject: id,
      code: request.state,
      // Names of members, as the call has them.
      fields: Object.keys(change).filter((name) => change[name as keyof RequestChange] !== undefined),
      record_version: request.version,
      until: request.dueAt.toISOString(),
    })
    await insertEvents(tx, [event])
    return viewOf(request, now)
  }
  return storeUnderKeys(deps.keys, async () => {
    await deps.keys.ensureFresh()
    return deps.database.transaction(changeIn)
  })
}

function changed(before: PrivacyRequest, change: RequestChange, now: Date): PrivacyRequest {
  if (before.closedAt !== undefined) throw new Problem('privacy-request-closed')
  const { state = before.state, identity = before.identity, assignee = before.assignee, note = before.note } = change
  const reason = change.reason ?? before.reason
  requirePast(change.identity, now)
  if (state === 'refused' && reason === undefined) throw invalid('#/reason', 'say why the request is refused')
  const extended = change.extend ? extend(before, change, now) : { dueAt: before.dueAt, isExtended: before.isExtended }
  return {
    ...before,
    ...extended,
    ...{ state, identity, assignee, note, reason },
    version: before.version + 1,
    closedAt: isClosed(state) ? now : undefined,
  }
}

/** The shopper must be told within the first time, so what is overdue stays so. */
function extend({ jurisdiction, dueAt, isExtended }: PrivacyRequest, { reason }: RequestChange, now: Date) {
  if (reason === undefined) throw invalid('#/reason', 'say why the request is answered later')
  if (dueAt <= now) throw invalid('#/extend', 'the time to answer is over already')
  const later = isExtended ? undefined : extendedFrom(jurisdiction, dueAt)
  if (later === undefined) throw invalid('#/extend', 'the law allows no extension, or no further one')
  return { dueAt: later, isExtended: true }
}

function invalid(pointer: string, detail: string): Problem {
  return new Problem('invalid-input', { errors: [{ pointer, detail }] })
}
