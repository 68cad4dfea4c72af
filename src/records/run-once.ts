import { auditCaller, type Caller } from '../access/caller.ts'
import type { AuditEvent, NewAuditEvent } from '../audit/audit-event.ts'
import type { Answer, RouteRequest } from '../http/route.ts'
import type { Claim, Idempotency } from './idempotency.ts'

/** Runs the work of a POST once for each Idempotency-Key; the same key with the same call and the same JSON value replays. */
export function runOnce<K>(
  deps: { idempotency: Idempotency },
  request: RouteRequest<Caller>,
  call: string,
  work: (claim: Claim | undefined) => Promise<Answer>,
  replay: (kept: K, commit: (event: AuditEvent) => Promise<void>) => Promise<Answer>,
): Promise<Answer> {
  return deps.idempotency.once<K>(
    {
      caller: request.caller,
      key: request.headers['idempotency-key'],
      call: [call, request.params.token ?? ''],
      body: { value: request.bodyValue, bytes: request.bodyBytes },
    },
    work,
    replay,
  )
}

/** The event of a kept answer that leaves again. */
export function replayEvent(deps: { newAuditEvent: NewAuditEvent }, request: RouteRequest<Caller>): AuditEvent {
  return deps.newAuditEvent({
    type: 'request.replay',
    outcome: 'success',
    request_id: request.requestId,
    caller: auditCaller(request.caller, request),
    site: request.caller.site,
  })
}
