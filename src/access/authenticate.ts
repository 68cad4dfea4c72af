import { Problem } from '../problem.ts'
import type { AccessTokens } from './access-token.ts'
import type { Caller } from './caller.ts'

const BEARER = /^Bearer +([^\s]+)$/i

/**
 * Finds out who is calling from the Authorization header (RFC 6750 section 2.1; nothing else is looked at).
 * A client that was revoked is refused from its next request on, however long its token would live.
 *
 * @throws {Problem} unauthenticated, database-unavailable
 */
export async function authenticate(
  deps: { accessTokens: AccessTokens; isLiveClient: (id: string) => Promise<boolean> },
  request: { authorization: string | undefined },
): Promise<Caller> {
  const token = BEARER.exec(request.authorization ?? '')?.[1]
  if (token === undefined) throw new Problem('unauthenticated', { headers: { 'WWW-Authenticate': 'Bearer' } })
  const caller = await deps.accessTokens.verify(token)
  if (caller.kind === 'client' && !(await deps.isLiveClient(caller.id))) {
    throw new Problem('unauthenticated', { headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } })
  }
  return caller
}
