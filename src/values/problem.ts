/**
 * The one error type and the one registry of codes. Only `http/documents/problem-response.ts` turns a Problem into an answer (RFC
 * 9457). Codes are never renamed or reused.
 */
const PROBLEMS = {
  // the request's framing and form
  'malformed-request': [400, 'The request is not well-formed HTTP'],
  'malformed-json': [400, 'The body is not well-formed JSON'],
  'malformed-url': [400, 'The URL is not acceptable'],
  'query-not-accepted': [400, 'This endpoint takes no such query parameter'],
  'method-not-allowed': [405, 'The method is not allowed here'],
  'not-found': [404, 'There is nothing here'],
  'request-timeout': [408, 'The request took too long to arrive'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body must be application/json in UTF-8, not compressed'],
  'wrong-host': [421, 'This server does not answer for that host'],
  'headers-too-large': [431, 'The headers are too large'],
  'unknown-transfer-coding': [501, 'The only transfer coding is chunked'],

  // who is calling, and what they may do
  'invalid-client': [401, 'The client could not be authenticated'],
  'invalid-token-request': [400, 'The token request is not acceptable'],
  unauthenticated: [401, 'A valid access token is required'],
  'scope-missing': [403, 'The access token lacks the scope for this'],
  'purpose-not-permitted': [403, 'The role may not use this data for that purpose'],
  'fields-not-permitted': [403, 'The role may not see those fields for that purpose'],
  'consent-missing': [403, 'The shopper has not consented to that purpose'],
  'condition-not-met': [403, 'A condition of the role is not met'],
  'approval-required': [403, 'Another person must approve this release first'],
  'own-request': [403, 'You cannot approve your own request'],
  'contract-ended': [403, 'The contract of the partner has ended'],
  'caller-suspended': [403, 'The caller is suspended until an operator lifts the suspension'],
  'card-search-off': [403, 'This vault does not search by card number'],
  'too-many-requests': [429, 'Too many requests'],
  'budget-spent': [429, 'The caller has used up the budget of its role for now'],

  // the input
  'invalid-input': [422, 'The input is not acceptable'],
  'unknown-member': [422, 'The input has an unknown member'],
  'sensitive-authentication-data': [422, 'Card verification codes, track data and PINs are never accepted'],
  'invalid-card-number': [422, 'The card number is not acceptable'],
  'card-expired': [422, 'The card has expired'],
  'card-number-in-text': [422, 'A text contains what looks like a card number'],
  'invalid-idempotency-key': [422, 'The Idempotency-Key is not acceptable'],
  'idempotency-key-reused': [422, 'The Idempotency-Key was used with another request'],

  // the record
  'record-not-found': [404, 'There is no such record'],
  'event-not-found': [404, 'There is no such event'],
  'approval-not-found': [404, 'There is no such request for approval'],
  'approval-decided': [409, 'The request is already decided or expired'],
  'approval-changed': [409, 'The request was changed outside the vault'],
  'record-gone': [410, 'The record has been erased'],
  'event-dropped': [410, 'The event was removed by retention'],
  'request-in-flight': [409, 'A request with this Idempotency-Key is still being handled'],
  'record-changed': [409, 'The record was changed in the meantime'],

  // the vault itself
  'record-integrity': [500, 'The record failed its integrity check'],
  internal: [500, 'Something went wrong'],
  'database-unavailable': [503, 'The database cannot be reached'],
  'log-pending': [503, 'The event is not in the audit log yet'],
  'schema-changed': [503, 'The schema of the database was changed outside the vault'],
  'audit-unavailable': [503, 'The audit log cannot be written'],
  'audit-log-changed': [503, 'The audit log is not the one that the vault signed'],
  'restored-backup': [503, 'The database is older than checkpoints that the vault signed'],
  'issuer-unavailable': [503, 'The identity provider cannot be reached'],
  sealed: [503, 'The vault is sealed'],
  'key-expired': [503, 'The key that protects this has expired'],
  busy: [503, 'The vault is busy'],
  'shutting-down': [503, 'The vault is shutting down'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemCode = keyof typeof PROBLEMS

/** One offending place in the input: a JSON Pointer (RFC 6901, fragment form) and a fixed sentence that never quotes it. */
export interface InputError {
  pointer: string
  detail: string
}

/** One way to come back with credentials that will do: a scheme and its parameters (RFC 9110 section 11.6.1). */
export interface Challenge {
  scheme: 'Bearer' | 'DPoP'
  parameters: Readonly<Record<string, string>>
}

/** Why a caller could not be authenticated, for the operator alone: the answer is the same for every reason. */
export interface Disbelief {
  reason: string
  /** The client that the request claims to come from, if the claim has the form of a client's id. */
  claimedClient?: string | undefined
}

export interface ProblemOptions {
  /** A fixed sentence for the caller; must never quote input. */
  detail?: string
  errors?: readonly InputError[]
  /** For the log only. */
  cause?: unknown
  retryAfterSeconds?: number
  /** Members of the document beside the standard ones, such as the `error` of RFC 6749. */
  extensions?: Readonly<Record<string, string>>
  /** Further response headers, such as `Allow`. */
  headers?: Readonly<Record<string, string>>
  /** What becomes `WWW-Authenticate`; the answer adds what only the server knows. */
  challenges?: readonly Challenge[]
  /** For the log and the event only. */
  disbelief?: Disbelief
}

export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  readonly title: string
  readonly detail: string | undefined
  readonly errors: readonly InputError[]
  readonly headers: Readonly<Record<string, string>>
  readonly extensions: Readonly<Record<string, string>>
  readonly challenges: readonly Challenge[]
  readonly disbelief: Disbelief | undefined

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause })
    const [status, title] = PROBLEMS[code]
    this.code = code
    this.status = status
    this.title = title
    this.detail = options.detail
    this.errors = options.errors ?? []
    this.extensions = options.extensions ?? {}
    this.challenges = options.challenges ?? []
    this.disbelief = options.disbelief
    const retryAfter = options.retryAfterSeconds ?? (status === 503 ? 1 : undefined)
    this.headers = { ...options.headers, ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }) }
  }
}

/** Every code with its status and title, for the documentation and the tests. */
export const problemCodes = Object.entries(PROBLEMS).map(([code, [status, title]]) => ({
  code: code as ProblemCode,
  status: status as number,
  title: title as string,
}))
