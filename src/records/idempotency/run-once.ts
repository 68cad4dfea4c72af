import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import type { AuditEvent, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { findRecordEvents } from '../../audit/event/event-lookup-store.ts'
import type { Database } from '../../database/database.ts'
import type { Answer, RouteRequest } from '../../http/route.ts'
import type { CommitReplay, Idempotency, ReserveKey } from './idempotency.ts'

/** Runs the work of a POST once for each Idempotency-Key; the same key with the same call and the same JSON value replays. */
export function runOnce<K>(
  deps: { idempotency: Idempotency },
  request: RouteRequest<Caller>,
  call: string,
  work: (reserve: ReserveKey | undefined) => Promise<Answer>,
  replay: (kept: K, commit: CommitReplay) => Promise<Answer>,
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

/** What a kept answer of a request repeats. */
interface Repeated {
  /** What the request did. */
  type: 'record.tokenize' | 'record.erase' | 'consent.receipt' | 'customer.erase'
  tokens: readonly string[]
  /** Events that concern no single record, such as those of refused items of a batch. */
  events?: readonly string[]
}

/** The events of a repeated answer: one for each event of the first answer, which it names. */
export async function replayEvents(
  deps: { database: Database; newAuditEvent: NewAuditEvent },
  request: RouteRequest<Caller>,
  { type, tokens, events = [] }: Repeated,
): Promise<AuditEvent[]> {
  const isOfCustomer = type === 'consent.receipt' || type === 'customer.erase'
  const first: ReadonlyMap<string, string> = isOfCustomer
    ? new Map()
    : await findRecordEvents(deps.database, type, tokens)
  const replayed = [
    ...tokens.map((token) => ({ token, replay_of: first.get(token) })),
    ...events.map((replay_of) => ({ replay_of })),
  ]
  return replayed.map((facts) =>
    deps.newAuditEvent({
      type: 'request.replay',
      outcome: 'success',
      request_id: request.requestId,
      caller: auditCaller(request.caller, request),
      site: request.caller.site,
      ...facts,
    }),
  )
}
