import type { NewAuditEvent } from '../../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../../audit/event/write-audit-event.ts'
import type { RequestCredentials } from '../../http/route.ts'
import type { Client } from '../ledger/client-store.ts'
import type { RateLimit } from '../limits/rate-limit.ts'
import { summarise } from '../policy/role-summary.ts'
import type { CurrentRoles } from '../roles-in-force/current-roles.ts'
import { type AccessTokens, CLIENT_TOKEN_SECONDS } from '../tokens/access-token.ts'
import type { Binding } from '../tokens/confirmation.ts'
import { type DpopProofDeps, type ProvenRequest, verifyDpopProof } from '../tokens/dpop-proof.ts'
import { type AuthenticateClientDeps, areRemembered, authenticateClient } from './authenticate-client.ts'
import { certificateThumbprint } from './client-certificate.ts'
import type { ClientCredentials } from './client-credentials.ts'
import { type ClientFault, invalidClient, invalidTokenRequest } from './token-request-problem.ts'

export interface IssueClientTokenDeps extends AuthenticateClientDeps, DpopProofDeps {
  accessTokens: AccessTokens
  newAuditEvent: NewAuditEvent
  writeAuditEvent: WriteAuditEvent
  rateLimit: RateLimit
  roles: CurrentRoles
}

export interface ClientTokenRequest {
  credentials: ClientCredentials
  /** Scopes asked for, separated by spaces; all that the client has when undefined. */
  scope?: string | undefined
  /** Binds the token to the key of the proof that comes with the request, if one does. */
  dpop: ProvenRequest
}

/**
 * Exchanges client credentials for an access token (RFC 6749 section 4.4). An unknown client, a revoked one and one
 * with a wrong secret get the same answer in the same time.
 *
 * @throws {Problem} too-many-requests, busy, invalid-client, invalid-token-request, audit-unavailable
 */
export async function issueClientToken(
  deps: IssueClientTokenDeps,
  request: ClientTokenRequest,
  facts: { requestId: string; source: RequestCredentials['source'] },
): Promise<{ access_token: string; token_type: 'Bearer' | 'DPoP'; expires_in: number; scope: string }> {
  const client = await authenticateWithinLimit(deps, request.credentials, facts.source.network)
  if (typeof client === 'string') throw invalidClient(client, request.credentials.clientId)
  const scopes = grantedScopes(client, request.scope)
  const binding = await bindingFor(deps, request)
  // A role that is no longer in force stays in the token. Without a role nothing would limit the token's scopes.
  const role = client.role ?? undefined
  const definition = role === undefined ? undefined : (await deps.roles.refresh()).roles.get(role)
  const subject = {
    id: client.id,
    kind: 'client' as const,
    role,
    scopes,
    purposes: definition === undefined ? [] : summarise(definition).purposes,
    site: client.site,
    partnerId: client.partner ?? undefined,
    ...binding,
  }
  const accessToken = await deps.accessTokens.issue(subject, CLIENT_TOKEN_SECONDS)
  const event = deps.newAuditEvent({
    type: 'token.issue',
    outcome: 'success',
    request_id: facts.requestId,
    caller: { id: client.id, kind: 'client', role, source: facts.source.address },
    site: client.site,
  })
  await deps.writeAuditEvent(event)
  return {
    access_token: accessToken,
    token_type: binding.confirmation === 'dpop' ? 'DPoP' : 'Bearer',
    expires_in: CLIENT_TOKEN_SECONDS,
    scope: scopes.join(' '),
  }
}

/** Counts as a failure until the client has proved itself, or its credentials were not looked at. */
async function authenticateWithinLimit(
  deps: IssueClientTokenDeps,
  credentials: ClientCredentials,
  source: string,
): Promise<Client | ClientFault> {
  // A client that this process remembers has a count of its own, so that others at the same address cannot lock it out.
  const ownCount = `client ${credentials.clientId}`
  const isKnown = areRemembered(deps, credentials)
  const logIn = await deps.rateLimit.consume(isKnown ? ownCount : source)
  let outcome: 'failed' | 'not-failed' = 'not-failed'
  try {
    const client = await authenticateClient(deps, credentials)
    if (typeof client === 'string') outcome = 'failed'
    else if (credentials.method === 'secret' && !isKnown) {
      await (await deps.rateLimit.consume(ownCount)).settle('not-failed')
    }
    return client
  } finally {
    // A failure counts for the source alone. Otherwise an attacker could lock the client out by its own count.
    if (!isKnown) await logIn.settle(outcome)
    else {
      await logIn.settle('not-failed')
      if (outcome === 'failed') await (await deps.rateLimit.consume(source)).settle('failed')
    }
  }
}

/**
 * What the token is bound to: the key of a proof that comes along, which must then be right (RFC 9449 section 5); otherwise
 * the certificate that the client proved itself by (RFC 8705 section 3).
 */
async function bindingFor(deps: IssueClientTokenDeps, { credentials, dpop }: ClientTokenRequest): Promise<Binding> {
  if (dpop.proof !== undefined) {
    const proof = await verifyDpopProof(deps, dpop)
    if (proof === undefined || !(await deps.rememberJti(proof.jti))) {
      throw invalidTokenRequest('invalid_dpop_proof', 'the DPoP proof is not acceptable')
    }
    return { confirmation: 'dpop', boundTo: proof.thumbprint }
  }
  if (credentials.method !== 'certificate') return {}
  return { confirmation: 'mtls', boundTo: certificateThumbprint(credentials.certificate) }
}

function grantedScopes(client: Client, asked: string | undefined) {
  if (asked === undefined || asked.trim() === '') return client.scopes
  const wanted = asked.trim().split(/ +/)
  if (!wanted.every((scope) => (client.scopes as string[]).includes(scope))) {
    throw invalidTokenRequest('invalid_scope', 'the client does not have all of these scopes')
  }
  return client.scopes.filter((scope) => wanted.includes(scope))
}
