import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Queryable } from '../../database/database.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import type { RequestFacts as Facts, RecordDeps } from '../../records/dependencies.ts'
import { type IdempotencyRow, insertIdempotency } from '../../records/idempotency/idempotency-store.ts'
import { dueAt } from './jurisdictions.ts'
import { type PrivacyRequest, type RequestView, viewOf } from './privacy-request.ts'
import type { NewRequest } from './request-schema.ts'
import { insertRequest } from './request-store.ts'
import { requirePast } from './require-past.ts'
import { sealRequest } from './sealed-requests.ts'

/** Where no law is named. */
const DEFAULT_JURISDICTION = 'other'

export type OpenRequestDeps = Pick<RecordDeps, 'database' | 'keys' | 'newAuditEvent' | 'newId' | 'now'>

/**
 * Opens the request of a shopper. The law that is named says until when it must be answered.
 *
 * @throws {Problem} invalid-input, audit-unavailable, database-unavailable
 */
export async function openPrivacyRequest(
  deps: OpenRequestDeps,
  caller: Caller,
  input: NewRequest,
  facts: Facts,
  extra: { idempotency?: ((id: string) => IdempotencyRow) | undefined } = {},
): Promise<RequestView> {
  const now = deps.now()
  const { kind, customer, jurisdiction = DEFAULT_JURISDICTION, identity, note, assignee } = input
  requirePast(identity, now)
  const request: PrivacyRequest = {
    id: deps.newId('privacy'),
    site: caller.site,
    version: 1,
    createdAt: now,
    dueAt: dueAt(jurisdiction, kind, now),
    closedAt: undefined,
    openedBy: caller.id,
    state: 'open',
    ...{ kind, customer, jurisdiction, identity, note, assignee },
  }
  const event = deps.newAuditEvent({
    type: 'privacy-request.open',
    outcome: 'success',
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: request.site,
    subject: request.id,
    code: kind,
    // As in a change: who says that identity was proved.
    fields: identity && ['identity'],
    until: request.dueAt.toISOString(),
  })
  const openIn = async (tx: Queryable) => {
    // First, so that the same request on another server waits for this one and repeats its answer.
    await insertIdempotency(tx, { idempotency: extra.idempotency?.(request.id), now })
    await insertRequest(tx, { ...request, facts: sealRequest(deps.keys, request) })
    await insertEvents(tx, [event])
  }
  await storeUnderKeys(deps.keys, async () => {
    await deps.keys.ensureFresh()
    await deps.database.transaction(openIn)
  })
  return viewOf(request, now)
}
