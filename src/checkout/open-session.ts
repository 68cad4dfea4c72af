import type { SessionLimit } from '../access/limits/session-limit.ts'
import { auditCaller, type Caller } from '../access/policy/caller.ts'
import type { AccessTokens } from '../access/tokens/access-token.ts'
import { storeUnderKeys } from '../keys/ring/store-under-keys.ts'
import { requireKnownPolicy } from '../policies/require-known-policy.ts'
import type { RecordDeps, RequestFacts } from '../records/dependencies.ts'
import { type CheckoutSession, newSessionId } from './checkout-session.ts'
import type { SessionRequest } from './session-schema.ts'
import { insertSession } from './session-store.ts'
import { sealSession } from './sessions.ts'

const DEFAULT_MINUTES = 30

export interface OpenSessionDeps
  extends Pick<RecordDeps, 'database' | 'issuer' | 'keys' | 'newAuditEvent' | 'now' | 'policies' | 'randomBytes'> {
  accessTokens: AccessTokens
  sessions: SessionLimit
}

export interface OpenedSession {
  id: string
  /** For the page that shows the fields: it can store one checkout, from the origins of the session, and nothing else. */
  token: string
  /** The hosted page. */
  url: string
  expires_at: string
}

/**
 * Opens a session in which the browser of a shopper may store one checkout.
 *
 * @throws {Problem} too-many-requests, unknown-policy-version, audit-unavailable, database-unavailable
 */
export async function openCheckoutSession(
  deps: OpenSessionDeps,
  caller: Caller,
  request: SessionRequest,
  facts: RequestFacts,
): Promise<OpenedSession> {
  await deps.sessions.open(caller)
  requireKnownPolicy(await deps.policies.at(caller.policies), request.policy_version)
  const now = deps.now()
  const session: CheckoutSession = {
    id: newSessionId(deps.randomBytes),
    expiresAt: new Date(now.getTime() + (request.minutes ?? DEFAULT_MINUTES) * 60_000),
    client: caller.id,
    role: caller.role,
    site: caller.site,
    partner: caller.partnerId,
    origins: [...new Set(request.origins)],
    customer: request.customer,
    policyVersion: request.policy_version,
    consents: [...new Set(request.consents ?? [])],
    parts: [...new Set(request.parts ?? (['card'] as const))],
    returnUrl: request.return_url,
    locale: request.locale ?? 'en',
  }
  const event = deps.newAuditEvent({
    type: 'session.open',
    outcome: 'success',
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: session.site,
    subject: session.id,
  })
  const token = await issueSessionToken(deps, session)
  await storeUnderKeys(deps.keys, async () => {
    await deps.keys.ensureFresh()
    const row = { id: session.id, expiresAt: session.expiresAt, facts: sealSession(deps.keys, session) }
    await insertSession(deps.database, row, { at: now, event })
  })
  return {
    id: session.id,
    token,
    url: `${deps.issuer}/checkout/${session.id}`,
    expires_at: session.expiresAt.toISOString(),
  }
}

/** A token that dies with the session, and with its client. */
export function issueSessionToken(
  { accessTokens, now }: Pick<OpenSessionDeps, 'accessTokens' | 'now'>,
  { id, client, role, site, partner, expiresAt }: CheckoutSession,
): Promise<string> {
  const seconds = Math.max(1, Math.ceil((expiresAt.getTime() - now().getTime()) / 1000))
  const subject = { id: client, kind: 'client', role, scopes: ['tokenize'], purposes: [], site } as const
  return accessTokens.issue({ ...subject, partnerId: partner, session: id }, seconds)
}
