import { Problem } from '../problem.ts'

/** RFC 6749 section 5.2: client libraries look at `error`, which stands beside our own `code`. */
export function invalidClient(): Problem {
  return new Problem('invalid-client', {
    headers: { 'WWW-Authenticate': 'Basic realm="strongroom"' },
    extensions: { error: 'invalid_client' },
  })
}

/** RFC 6749 section 5.2, and RFC 9449 section 5 for what concerns a DPoP proof. */
export function invalidTokenRequest(
  error: 'invalid_request' | 'invalid_scope' | 'unsupported_grant_type' | 'invalid_dpop_proof',
  detail: string,
): Problem {
  return new Problem('invalid-token-request', { detail, extensions: { error } })
}
