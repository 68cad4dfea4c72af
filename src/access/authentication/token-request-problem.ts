import { Problem } from '../../values/problem.ts'

/** What a client's id looks like. */
export const CLIENT_ID = /^client_[0-9a-z]{26}$/

/** Why a client was not authenticated. */
export type ClientFault =
  | 'no-credentials'
  | 'malformed-credentials'
  | 'unknown-client'
  | 'revoked'
  | 'changed'
  | 'wrong-method'
  | 'wrong-secret'
  | 'wrong-key'
  | 'wrong-claims'
  | 'wrong-certificate'
  | 'expired'
  | 'replayed'

/**
 * RFC 6749 section 5.2: client libraries look at `error`, beside the vault's own `code`. The answer is the same for
 * every fault.
 *
 * @param claimed the client that the request names. A text without the form of an id may be a secret in the wrong
 *   place, and is not kept
 */
export function invalidClient(reason: ClientFault, claimed?: string): Problem {
  const claimedClient = claimed !== undefined && CLIENT_ID.test(claimed) ? claimed : undefined
  return new Problem('invalid-client', {
    disbelief: { reason, claimedClient },
    oauthError: 'invalid_client',
  })
}

/** RFC 6749 section 5.2, and RFC 9449 section 5 for what concerns a DPoP proof. */
export function invalidTokenRequest(
  error: 'invalid_request' | 'invalid_scope' | 'unsupported_grant_type' | 'invalid_dpop_proof',
  detail: string,
): Problem {
  return new Problem('invalid-token-request', { detail, oauthError: error })
}
