import { Problem } from '../../values/problem.ts'

/** The id of a signed statement that counts once. */
export interface RememberedJti {
  /** SHA-256: the sender's text is not kept, and takes no more room than this. */
  id: Buffer
  /** From then on every server refuses the statement for its age. */
  expiresAt: Date
}

/**
 * What a call takes for granted of its caller until a statement proves it. The statement that does the work proves it in the
 * snapshot of the work, and does nothing otherwise. Before anything else that has an effect, such as a refusal,
 * `ProveCaller` proves it.
 */
export interface Presumption {
  /** The version of access that the caller's status is of; undefined before the status was looked at. */
  accessVersion?: string | undefined
  /** The id of the proof that came with the request; undefined once it is remembered. */
  jti?: RememberedJti | undefined
  isProven: boolean
}

/** The answer to a DPoP proof that is wrong, or came before. */
export function invalidProof(): Problem {
  return new Problem('unauthenticated', { challenge: { scheme: 'DPoP', error: 'invalid_dpop_proof' } })
}
