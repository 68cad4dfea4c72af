/**
 * What a problem is to its caller. `refused`: the request, or who sends it, must change. `failed`: the vault cannot do it.
 * `unavailable`: nothing was done, and the same request may succeed later.
 */
export type ProblemKind = 'refused' | 'failed' | 'unavailable'

/**
 * The one registry of problem codes. Codes are never renamed or reused. `http/documents` has the status
 * and the meaning of each.
 */
const CODES = {
  // the request's framing and form
  'malformed-request': ['refused', 'The request is not well-formed HTTP'],
  'malformed-json': ['refused', 'The body is not well-formed JSON'],
  'malformed-url': ['refused', 'The URL is not acceptable'],
  'query-not-accepted': ['refused', 'This endpoint takes no such query parameter'],
  'method-not-allowed': ['refused', 'The method is not allowed here'],
  'not-found': ['refused', 'There is nothing here'],
  'request-timeout': ['refused', 'The request took too long to arrive'],
  'body-too-large': ['refused', 'The body is too large'],
  'unsupported-media-type': ['refused', 'The body must be application/json in UTF-8, not compressed'],
  'wrong-host': ['refused', 'This server does not answer for that host'],
  'headers-too-large': ['refused', 'The headers are too large'],
  'unknown-transfer-coding': ['failed', 'The only transfer coding is chunked'],

  // who is calling, and what they may do
  'invalid-client': ['refused', 'The client could not be authenticated'],
  'invalid-token-request': ['refused', 'The token request is not acceptable'],
  unauthenticated: ['refused', 'A valid access token is required'],
  'scope-missing': ['refused', 'The access token lacks the scope for this'],
  'purpose-not-permitted': ['refused', 'The role may not use this data for that purpose'],
  'fields-not-permitted': ['refused', 'The role may not see those fields for that purpose'],
  'consent-missing': ['refused', 'The shopper has not consented to that purpose'],
  'condition-not-met': ['refused', 'A condition of the role is not met'],
  'approval-required': ['refused', 'Another person must approve this release first'],
  'own-request': ['refused', 'You cannot approve your own request'],
  'contract-ended': ['refused', 'The contract of the partner has ended'],
  'caller-suspended': ['refused', 'The caller is suspended until an operator lifts the suspension'],
  'origin-not-allowed': ['refused', 'The checkout session is not for this origin'],
  'attempts-spent': ['refused', 'The checkout session has no attempts left'],
  'card-search-off': ['refused', 'This vault does not search by card number'],
  'too-many-requests': ['refused', 'Too many requests'],
  'budget-spent': ['refused', 'The caller has used up the budget of its role for now'],

  // the input
  'invalid-input': ['refused', 'The input is not acceptable'],
  'unknown-member': ['refused', 'The input has an unknown member'],
  'sensitive-authentication-data': ['refused', 'Card verification codes, track data and PINs are never accepted'],
  'invalid-card-number': ['refused', 'The card number is not acceptable'],
  'card-expired': ['refused', 'The card has expired'],
  'card-number-in-text': ['refused', 'A text contains what looks like a card number'],
  'test-card-required': ['refused', 'This vault takes test cards only from a checkout session'],
  'invalid-idempotency-key': ['refused', 'The Idempotency-Key is not acceptable'],
  'idempotency-key-reused': ['refused', 'The Idempotency-Key was used with another request'],

  // the record
  'record-not-found': ['refused', 'There is no such record'],
  'session-not-found': ['refused', 'There is no such checkout session'],
  'session-expired': ['refused', 'The checkout session has expired'],
  'session-used': ['refused', 'The checkout session has been completed'],
  'event-not-found': ['refused', 'There is no such event'],
  'approval-not-found': ['refused', 'There is no such request for approval'],
  'approval-decided': ['refused', 'The request is already decided or expired'],
  'approval-changed': ['refused', 'The request was changed outside the vault'],
  'record-gone': ['refused', 'The record has been erased'],
  'event-dropped': ['refused', 'The event was removed by retention'],
  'request-in-flight': ['refused', 'A request with this Idempotency-Key is still being handled'],
  'record-changed': ['refused', 'The record was changed in the meantime'],

  // the vault itself
  'record-integrity': ['failed', 'The record failed its integrity check'],
  internal: ['failed', 'Something went wrong'],
  'database-unavailable': ['unavailable', 'The database cannot be reached'],
  'log-pending': ['unavailable', 'The event is not in the audit log yet'],
  'schema-changed': ['unavailable', 'The schema of the database was changed outside the vault'],
  'audit-unavailable': ['unavailable', 'The audit log cannot be written'],
  'audit-log-changed': ['unavailable', 'The audit log is not the one that the vault signed'],
  'restored-backup': ['unavailable', 'The database is older than checkpoints that the vault signed'],
  'issuer-unavailable': ['unavailable', 'The identity provider cannot be reached'],
  sealed: ['unavailable', 'The vault is sealed'],
  'key-expired': ['unavailable', 'The key that protects this has expired'],
  busy: ['unavailable', 'The vault is busy'],
  'shutting-down': ['unavailable', 'The vault is shutting down'],
} as const satisfies Record<string, readonly [kind: ProblemKind, title: string]>

export type ProblemCode = keyof typeof CODES

export type KindOf<Code extends ProblemCode> = (typeof CODES)[Code][0]

export const PROBLEM_CODES = Object.keys(CODES) as ProblemCode[]

export function kindOf(code: ProblemCode): ProblemKind {
  return CODES[code][0]
}

/** The code as a sentence for a person. Titles may change. */
export function titleOf(code: ProblemCode): string {
  return CODES[code][1]
}
