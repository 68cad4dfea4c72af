import { PROBLEMS, type ProblemCode } from './problem-codes.ts'
import type { ProblemKind } from './problems/problem-entry.ts'
import { VaultError } from './vault-error.ts'

/** One offending place in the input: a JSON Pointer (RFC 6901, fragment form) and a fixed sentence that never quotes it. */
export interface InputError {
  pointer: string
  detail: string
}

/** What the credentials lack, and which will do. */
export interface Challenge {
  /** `DPoP`: a token with a proof of its key. `any`: one that is bound to a key, with its proof, or one that is not. */
  scheme: 'DPoP' | 'any'
  /** RFC 6750 section 3.1, RFC 9449 section 7.1. Left out where there were no credentials. */
  error?: 'invalid_token' | 'invalid_dpop_proof' | 'insufficient_scope' | undefined
  /** The scope that is missing, where it is not one that the whole call takes. */
  scope?: string | undefined
}

/** Why a caller could not be authenticated, for the operator alone: the answer is the same for every reason. */
export interface Disbelief {
  reason: string
  /** The client that the request claims to come from, if the claim has the form of a client's id. */
  claimedClient?: string | undefined
}

export interface ProblemFacts {
  /** A fixed sentence for the caller; must never quote input. */
  detail?: string | undefined
  errors?: readonly InputError[] | undefined
  /** For the log only. */
  cause?: unknown
  retryAfterSeconds?: number | undefined
  challenge?: Challenge | undefined
  /** The `error` of RFC 6749 section 5.2, for the token endpoint. */
  oauthError?: string | undefined
  /** The request for approval that waits. */
  approval?: string | undefined
  /** For the log and the event only. */
  disbelief?: Disbelief | undefined
}

/**
 * What a caller did not get, by its code and the facts about it. It knows nothing of HTTP: `http/documents/problem-document.ts`
 * makes the answer.
 */
export class Problem extends VaultError {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly kind: ProblemKind
  readonly detail: string | undefined
  readonly errors: readonly InputError[]
  readonly retryAfterSeconds: number | undefined
  readonly challenge: Challenge | undefined
  readonly oauthError: string | undefined
  readonly approval: string | undefined
  readonly disbelief: Disbelief | undefined

  constructor(code: ProblemCode, facts: ProblemFacts = {}) {
    super(code, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = code
    this.kind = PROBLEMS[code].kind
    this.detail = facts.detail
    this.errors = facts.errors ?? []
    this.retryAfterSeconds = facts.retryAfterSeconds
    this.challenge = facts.challenge
    this.oauthError = facts.oauthError
    this.approval = facts.approval
    this.disbelief = facts.disbelief
  }
}

/** Anything that is not a Problem becomes one that says nothing; the error itself goes to the log as its cause. */
export function toProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem('internal', { cause: error })
}
