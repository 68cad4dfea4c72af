import type { Caller } from '../access/policy/caller.ts'
import type { RouteRequest } from '../http/route.ts'
import type { RecordDeps } from '../records/dependencies.ts'
import type { Idempotency } from '../records/idempotency/idempotency.ts'
import { replayEvents } from '../records/idempotency/run-once.ts'
import type { TokenizedCheckout } from '../records/tokenize/tokenize.ts'
import { tokensIn } from '../records/tokenize/tokenize-once.ts'
import type { KeptCode } from '../security-codes/keep-code.ts'
import { Problem } from '../values/problem.ts'
import { type CheckoutSession, keptUntil, ownerOf, SESSION_KEY, type SessionState } from './checkout-session.ts'
import { type FindSession, requireSession } from './sessions.ts'

/** The answer to a checkout that was stored in a session: tokens and masked views by part, and what the shopper agreed to. */
export type CompletedCheckout = TokenizedCheckout & { security_code?: KeptCode; consents_given: readonly string[] }

export interface ReadSessionDeps extends Pick<RecordDeps, 'database' | 'newAuditEvent' | 'now'> {
  idempotency: Idempotency
  findSession: FindSession
}

export interface SessionView {
  id: string
  state: SessionState
  /** By part, with its masked view; none of a record that was erased since. Of a security code its name. */
  tokens: Record<string, unknown>
  consents_given: readonly string[]
  expires_at: string
}

/**
 * The state of a session, to the client that opened it. What it shows of the records leaves again, so it is an event.
 *
 * @throws {Problem} session-not-found
 */
export async function readSession(deps: ReadSessionDeps, request: RouteRequest<Caller>): Promise<SessionView> {
  const session = await requireSession(deps.findSession, request.params.id ?? '')
  const { id, site } = request.caller
  // The answer to its checkout is kept no longer, so what became of the session is not known any more.
  const isForgotten = keptUntil(session) <= deps.now()
  if (session.client !== id || session.site !== site || isForgotten) throw new Problem('session-not-found')
  const completed = await findCompleted(deps.idempotency, session)
  const facts = { id: session.id, expires_at: session.expiresAt.toISOString() }
  if (completed === undefined) {
    const state = session.expiresAt > deps.now() ? 'open' : 'expired'
    return { ...facts, state, tokens: {}, consents_given: [] }
  }
  if (completed === 'erased') return { ...facts, state: 'completed', tokens: {}, consents_given: [] }
  const { consents_given, ...tokens } = completed.kept
  const events = await replayEvents(deps, request, { type: 'record.tokenize', tokens: tokensIn([tokens]) })
  await completed.commit(events)
  return { ...facts, state: 'completed', tokens, consents_given }
}

/** What was stored in the session; undefined while nothing was. */
export async function findCompleted(idempotency: Idempotency, session: CheckoutSession) {
  try {
    return await idempotency.find<CompletedCheckout>(ownerOf(session), SESSION_KEY)
  } catch (error) {
    if (error instanceof Problem && error.code === 'record-gone') return 'erased'
    throw error
  }
}
