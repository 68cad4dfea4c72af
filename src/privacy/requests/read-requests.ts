import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import type { RequestFacts as Facts, RecordDeps } from '../../records/dependencies.ts'
import type { CommitReplay } from '../../records/idempotency/idempotency.ts'
import { Problem } from '../../values/problem.ts'
import { giveWay } from '../../values/time-slice.ts'
import { type PrivacyRequest, type RequestView, viewOf } from './privacy-request.ts'
import { listRequests, type StoredRequest, selectRequest } from './request-store.ts'
import { openRequest } from './sealed-requests.ts'

export type ReadRequestsDeps = Pick<RecordDeps, 'database' | 'keys' | 'newAuditEvent' | 'now' | 'writeAuditEvent'>

/** The scope of the staff who answer shoppers. Without it a caller sees the requests that it opened itself. */
const SEES_ALL = 'customer:report'

/** Whether a request is any of the caller's business. */
function maySee(caller: Caller, { openedBy }: Pick<PrivacyRequest, 'openedBy'>): boolean {
  return caller.scopes.has(SEES_ALL) || openedBy === caller.id
}

/** Finds a request of the caller's site that it may see. @throws {Problem} privacy-request-not-found, record-integrity */
export async function requireRequest(
  { keys }: Pick<ReadRequestsDeps, 'keys'>,
  caller: Caller,
  find: () => Promise<StoredRequest | undefined>,
): Promise<PrivacyRequest> {
  const stored = await find()
  const request = stored && (await openRequest(keys, stored))
  if (request === undefined || !maySee(caller, request)) throw new Problem('privacy-request-not-found')
  return request
}

/**
 * The request, after the event that it was shown.
 *
 * @param commit writes the event of a repeated answer
 * @throws {Problem} privacy-request-not-found, audit-unavailable
 */
export async function readRequest(
  deps: ReadRequestsDeps,
  caller: Caller,
  id: string,
  facts: Facts,
  commit?: CommitReplay,
): Promise<RequestView> {
  const request = await requireRequest(deps, caller, () => selectRequest(deps.database, caller.site, id))
  if (commit) await commit([shown(deps, caller, facts, { type: 'request.replay', subject: id })])
  else await deps.writeAuditEvent(shown(deps, caller, facts, { subject: id }))
  return viewOf(request, deps.now())
}

export interface ListedRequests {
  requests: RequestView[]
  /** The id that the next page comes after; null at the end. */
  next: string | null
}

export interface RequestListing {
  state?: 'open' | 'closed' | 'overdue' | undefined
  after?: string | undefined
  limit: number
}

/** A page of the requests that the caller may see, the oldest first. */
export async function listPrivacyRequests(
  deps: ReadRequestsDeps,
  caller: Caller,
  { state, after, limit }: RequestListing,
  facts: Facts,
): Promise<ListedRequests> {
  const now = deps.now()
  const isOpen = state === undefined ? undefined : state !== 'closed'
  const dueBy = state === 'overdue' ? now : undefined
  const found = await listRequests(deps.database, caller.site, { after, isOpen, dueBy, limit })
  const requests: RequestView[] = []
  for (const [at, stored] of found.entries()) {
    if (at > 0) await giveWay()
    const request = await openUnlessChanged(deps, stored)
    if (request !== undefined && maySee(caller, request)) requests.push(viewOf(request, now))
  }
  await deps.writeAuditEvent(shown(deps, caller, facts, { count: requests.length }))
  return { requests, next: found.length < limit ? null : found.at(-1)!.id }
}

/** A row that was changed outside the vault is an alert of its own, and must not hide the others. */
async function openUnlessChanged(
  { keys }: Pick<ReadRequestsDeps, 'keys'>,
  stored: StoredRequest,
): Promise<PrivacyRequest | undefined> {
  try {
    return await openRequest(keys, stored)
  } catch (error) {
    if (error instanceof Problem && error.code === 'record-integrity') return undefined
    throw error
  }
}

function shown(
  { newAuditEvent }: Pick<ReadRequestsDeps, 'newAuditEvent'>,
  caller: Caller,
  facts: Facts,
  what: { type?: 'request.replay'; subject?: string; count?: number },
) {
  return newAuditEvent({
    type: 'privacy-request.read',
    outcome: 'success',
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: caller.site,
    ...what,
  })
}
