import type { RequestCredentials } from '../../http/route.ts'
import { type Challenge, Problem } from '../../values/problem.ts'
import type { TokenVerifier } from '../issuers/issuer-tokens.ts'
import type { Caller } from '../policy/caller.ts'
import { invalidProof } from '../policy/presumption.ts'
import { type DpopProofDeps, verifyDpopProof } from '../tokens/dpop-proof.ts'
import { isCertificate } from './client-certificate.ts'

export interface AuthenticateDeps extends DpopProofDeps {
  tokenVerifier: TokenVerifier
}

const CREDENTIALS = /^(Bearer|DPoP) +([^\s]+)$/i

/**
 * Finds the caller from the Authorization header (RFC 6750 section 2.1, RFC 9449 section 7.1; nothing else is read). A
 * token that is bound to a key counts only with a proof of that key. A sender without the proof learns nothing about
 * the caller's status.
 *
 * That the proof did not come before is only presumed (`Caller.presumption`). `checkCallerStatus` then says whether the caller may
 * still come in, however long the token would live.
 *
 * @throws {Problem} unauthenticated, database-unavailable
 */
export async function authenticate(deps: AuthenticateDeps, request: RequestCredentials): Promise<Caller> {
  const [, scheme, token] = CREDENTIALS.exec(request.authorization ?? '') ?? []
  if (token === undefined) throw refused({ scheme: 'any' })
  const caller = await deps.tokenVerifier.verify(token)
  const isDpop = scheme?.toLowerCase() === 'dpop'
  // RFC 9449 section 7.2: a bound token is not accepted as a bearer token, nor the other way round. The challenge names
  // the right scheme.
  if (isDpop && caller.confirmation !== 'dpop') throw refused({ scheme: 'any', error: 'invalid_token' })
  if (!isDpop && caller.confirmation === 'dpop') throw refused({ scheme: 'DPoP', error: 'invalid_token' })
  if (isDpop) {
    const proof = await verifyDpopProof(deps, request, { accessToken: token, thumbprint: caller.boundTo })
    if (proof === undefined) throw invalidProof()
    return { ...caller, presumption: { jti: proof.jti, isProven: false } }
  }
  if (caller.confirmation === 'mtls' && !isCertificate(request.certificate(), caller.boundTo)) {
    throw refused({ scheme: 'any', error: 'invalid_token' })
  }
  return caller
}

function refused(challenge: Challenge): Problem {
  return new Problem('unauthenticated', { challenge })
}
