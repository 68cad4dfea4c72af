import { Problem } from '../problem.ts'
import type { AccessTokens } from './access-token.ts'
import type { Caller } from './caller.ts'

const BEARER = /^Bearer +([^\s]+)$/i

/**
 * Finds out who is calling from the Authorization header (RFC 6750 section 2.1; nothing else is looked at).
 * `admit` says whether they may still come in, however long their token would live.
 *
 * @throws {Problem} unauthenticated, and what `admit` throws
 */
export async function authenticate(
  deps: { accessTokens: AccessTokens; admit: (caller: Caller) => Promise<Caller> },
  request: { authorization: string | undefined },
): Promise<Caller> {
  const token = BEARER.exec(request.authorization ?? '')?.[1]
  if (token === undefined) throw new Problem('unauthenticated', { headers: { 'WWW-Authenticate': 'Bearer' } })
  return deps.admit(await deps.accessTokens.verify(token))
}
