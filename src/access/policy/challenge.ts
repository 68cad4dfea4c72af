import type { Challenge } from '../../values/problem.ts'
import { STATEMENT_ALGORITHMS } from './signed-jwt.ts'

const ALGORITHMS = { algs: STATEMENT_ALGORITHMS.join(' ') }

/**
 * What is asked of a caller whose token is missing or not valid: any valid token will do, bound to a key or not
 * (RFC 6750 section 3, RFC 9449 section 7.1).
 */
export function tokenChallenges(error?: 'invalid_token'): Challenge[] {
  const wrong: Record<string, string> = error === undefined ? {} : { error }
  return [
    { scheme: 'Bearer', parameters: wrong },
    { scheme: 'DPoP', parameters: { ...wrong, ...ALGORITHMS } },
  ]
}

/** What is asked of a caller whose token is bound to a key, or should be: only a proof of the key helps. */
export function proofChallenges(error: 'invalid_token' | 'invalid_dpop_proof'): Challenge[] {
  return [{ scheme: 'DPoP', parameters: { error, ...ALGORITHMS } }]
}

/**
 * The challenge to a caller whose token has too little scope, of any kind (RFC 6750 section 3.1).
 *
 * @param scope the missing one; when left out, the answer names those that the call takes
 */
export function scopeChallenges(scope?: string): Challenge[] {
  const missing = { error: 'insufficient_scope', ...(scope === undefined ? {} : { scope }) }
  return [
    { scheme: 'Bearer', parameters: missing },
    { scheme: 'DPoP', parameters: { ...missing, ...ALGORITHMS } },
  ]
}
