import type { KindOf, ProblemCode } from '../../values/problem-codes.ts'

/** The statuses of RFC 9110 that a kind of problem may have. */
interface StatusOf {
  refused: 400 | 401 | 403 | 404 | 405 | 408 | 409 | 410 | 413 | 415 | 421 | 422 | 429 | 431
  failed: 500 | 501 | 502 | 504
  unavailable: 503
}

/**
 * The status of every code. What a code means is in `values/problems`. A code without a status does not compile, and
 * neither does a status that does not fit the code's kind.
 */
export const PROBLEM_STATUSES: { readonly [Code in ProblemCode]: StatusOf[KindOf<Code>] } = {
  // the request's framing and form
  'malformed-request': 400,
  'malformed-json': 400,
  'malformed-url': 400,
  'query-not-accepted': 400,
  'method-not-allowed': 405,
  'not-found': 404,
  'request-timeout': 408,
  'body-too-large': 413,
  'unsupported-media-type': 415,
  'wrong-host': 421,
  'headers-too-large': 431,
  'unknown-transfer-coding': 501,

  // who is calling, and what they may do
  'invalid-client': 401,
  'invalid-token-request': 400,
  unauthenticated: 401,
  'scope-missing': 403,
  'purpose-not-permitted': 403,
  'fields-not-permitted': 403,
  'purpose-not-notified': 403,
  'consent-missing': 403,
  'condition-not-met': 403,
  'approval-required': 403,
  'own-request': 403,
  'contract-ended': 403,
  'caller-suspended': 403,
  'origin-not-allowed': 403,
  'attempts-spent': 403,
  'card-search-off': 403,
  'too-many-requests': 429,
  'budget-spent': 429,

  // the input
  'invalid-input': 422,
  'unknown-member': 422,
  'sensitive-authentication-data': 422,
  'invalid-card-number': 422,
  'card-expired': 422,
  'card-number-in-text': 422,
  'unknown-policy-version': 422,
  'test-card-required': 422,
  'invalid-idempotency-key': 422,
  'idempotency-key-reused': 422,

  // the record
  'record-not-found': 404,
  'session-not-found': 404,
  'session-expired': 410,
  'session-used': 409,
  'policy-not-found': 404,
  'privacy-request-not-found': 404,
  'privacy-request-closed': 409,
  'security-code-not-found': 404,
  'event-not-found': 404,
  'approval-not-found': 404,
  'approval-decided': 409,
  'approval-changed': 409,
  'erasure-postponed': 409,
  'record-gone': 410,
  'event-dropped': 410,
  'request-in-flight': 409,
  'record-changed': 409,

  // the destination of a forward
  'destination-not-found': 404,
  'destination-unavailable': 502,
  'destination-timeout': 504,
  'forward-outcome-unknown': 409,

  // the vault itself
  'record-integrity': 500,
  internal: 500,
  'database-unavailable': 503,
  'log-pending': 503,
  'schema-changed': 503,
  'audit-unavailable': 503,
  'audit-log-changed': 503,
  'restored-backup': 503,
  'issuer-unavailable': 503,
  sealed: 503,
  'key-expired': 503,
  busy: 503,
  'shutting-down': 503,
}
