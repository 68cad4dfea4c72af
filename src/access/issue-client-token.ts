import type { NewAuditEvent } from '../audit/audit-event.ts'
import type { RecordEvent } from '../audit/record-event.ts'
import type { Database } from '../database/database.ts'
import { Problem } from '../problem.ts'
import type { Sensitive } from '../sensitive.ts'
import { type AccessTokens, CLIENT_TOKEN_SECONDS } from './access-token.ts'
import type { ClientSecrets } from './client-secret.ts'
import { type Client, findClientWithSecret } from './client-store.ts'
import type { CurrentRoles } from './current-roles.ts'
import type { RateLimit } from './rate-limit.ts'
import { summarise } from './roles.ts'

export interface IssueClientTokenDeps {
  database: Database
  accessTokens: AccessTokens
  clientSecrets: ClientSecrets
  newAuditEvent: NewAuditEvent
  recordEvent: RecordEvent
  rateLimit: RateLimit
  roles: CurrentRoles
}

export interface ClientTokenRequest {
  clientId: string
  clientSecret: Sensitive<string>
  /** Scopes asked for, separated by spaces; all that the client has when undefined. */
  scope?: string | undefined
}

/**
 * Client credentials for an access token (RFC 6749 section 4.4). An unknown, a revoked and a mistaken client are
 * told apart neither by the answer nor by its time.
 *
 * @throws {Problem} too-many-requests, busy, invalid-client, invalid-token-request, audit-unavailable
 */
export async function issueClientToken(
  deps: IssueClientTokenDeps,
  request: ClientTokenRequest,
  facts: { requestId: string; source: string },
): Promise<{ access_token: string; token_type: 'Bearer'; expires_in: number; scope: string }> {
  await deps.rateLimit.spend(facts.source)
  const client = CLIENT_ID.test(request.clientId)
    ? await findClientWithSecret(deps.database, request.clientId)
    : undefined
  const live = client?.revoked_at === null ? client : undefined
  const matches = await deps.clientSecrets.verify(live?.secret_hash, request.clientSecret.expose())
  if (!live || !matches) {
    await deps.rateLimit.spendFailure(facts.source)
    throw invalidClient()
  }
  const scopes = grantedScopes(live, request.scope)
  // A role that is in force no longer stays in the token: without one, its scopes would be bounded by nothing.
  const role = live.role ?? undefined
  const definition = role === undefined ? undefined : (await deps.roles.refresh()).roles.get(role)
  const subject = {
    id: live.id,
    kind: 'client' as const,
    role,
    scopes,
    purposes: definition === undefined ? [] : summarise(definition).purposes,
    site: live.site,
  }
  const accessToken = await deps.accessTokens.issue(subject, CLIENT_TOKEN_SECONDS)
  const event = deps.newAuditEvent({
    type: 'token.issue',
    outcome: 'success',
    request_id: facts.requestId,
    caller: { id: live.id, kind: 'client', role },
    site: live.site,
  })
  await deps.recordEvent(event)
  return { access_token: accessToken, token_type: 'Bearer', expires_in: CLIENT_TOKEN_SECONDS, scope: scopes.join(' ') }
}

/** What cannot be an id is an unknown one, and costs as much. */
const CLIENT_ID = /^client_[0-9a-z]{26}$/

/** RFC 6749 section 5.2: client libraries look at `error`, which stands beside our own `code`. */
export function invalidClient(): Problem {
  return new Problem('invalid-client', {
    headers: { 'WWW-Authenticate': 'Basic realm="strongroom"' },
    extensions: { error: 'invalid_client' },
  })
}

/** RFC 6749 section 5.2. */
export function invalidTokenRequest(
  error: 'invalid_request' | 'invalid_scope' | 'unsupported_grant_type',
  detail: string,
): Problem {
  return new Problem('invalid-token-request', { detail, extensions: { error } })
}

function grantedScopes(client: Client, asked: string | undefined) {
  if (asked === undefined || asked.trim() === '') return client.scopes
  const wanted = asked.trim().split(/ +/)
  if (!wanted.every((scope) => (client.scopes as string[]).includes(scope))) {
    throw invalidTokenRequest('invalid_scope', 'the client does not have all of these scopes')
  }
  return client.scopes.filter((scope) => wanted.includes(scope))
}
