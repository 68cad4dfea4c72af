import type { ProblemCode } from '../../values/problem-codes.ts'

/** The codes of calls that name a record. */
export const RECORD_PROBLEMS = [
  'record-not-found',
  'record-gone',
  'record-changed',
  'record-integrity',
  'too-many-requests',
] as const satisfies readonly ProblemCode[]

/** Those of a change, which a role may bind to conditions. */
export const CHANGE_PROBLEMS = [
  'purpose-not-permitted',
  'condition-not-met',
  'budget-spent',
] as const satisfies readonly ProblemCode[]

/** Those of an erasure. */
export const ERASURE_PROBLEMS = ['erasure-postponed'] as const satisfies readonly ProblemCode[]

/** Those of a reveal. */
export const RELEASE_PROBLEMS = [
  'purpose-not-permitted',
  'fields-not-permitted',
  'purpose-not-notified',
  'consent-missing',
  'erasure-postponed',
  'condition-not-met',
  'approval-required',
  'budget-spent',
  'too-many-requests',
] as const satisfies readonly ProblemCode[]

/** Those of a checkout session, for a shopper's browser. */
export const SESSION_PROBLEMS = [
  'origin-not-allowed',
  'attempts-spent',
  'session-not-found',
  'session-expired',
  'session-used',
  'test-card-required',
  'record-integrity',
] as const satisfies readonly ProblemCode[]

/** Those of what a checkout holds. */
export const CHECKOUT_PROBLEMS = [
  'invalid-card-number',
  'card-expired',
  'card-number-in-text',
  'unknown-policy-version',
  'too-many-requests',
] as const satisfies readonly ProblemCode[]
