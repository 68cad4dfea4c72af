import type { ProblemCode } from '../../values/problem-codes.ts'

/** What a problem means and what its reader can do, for the page of its code and for the reference. */
export interface ProblemMeaning {
  meaning: string
  remedy: string
}

const CALL_AGAIN = 'Send the request again after the time in Retry-After.'
const FOR_OPERATOR = 'Tell the operator of the vault.'

export const PROBLEM_MEANINGS: Readonly<Record<ProblemCode, ProblemMeaning>> = {
  'malformed-request': {
    meaning: 'The bytes on the connection are not a well-formed HTTP request, or the request ended too early.',
    remedy: 'Use an HTTP/1.1 client over TLS, with one Host header and the right Content-Length.',
  },
  'malformed-json': {
    meaning: 'The body is not well-formed JSON in UTF-8, or an object has a member twice.',
    remedy: 'Correct the body. The detail says what is wrong and never quotes the body.',
  },
  'malformed-url': {
    meaning: 'The URL cannot be decoded, or it holds what looks like a card number.',
    remedy: 'Encode the URL correctly. Put values of records in the body, never in a URL.',
  },
  'query-not-accepted': {
    meaning: 'A query parameter is not accepted here, is there twice, or holds a credential.',
    remedy: 'Remove the parameter. A credential belongs in the Authorization header.',
  },
  'method-not-allowed': {
    meaning: 'The path exists and does not take this method.',
    remedy: 'Use a method that the Allow header of the answer names.',
  },
  'not-found': {
    meaning: 'There is no such path, or the tile of the audit log does not exist yet.',
    remedy: 'Look up the path in /openapi.json.',
  },
  'request-timeout': {
    meaning: 'The headers or the body took too long to arrive.',
    remedy: 'Send the whole request at once, on a new connection.',
  },
  'body-too-large': {
    meaning: 'The body has more bytes or more JSON values than the vault takes.',
    remedy: 'Split the request. A body may have 4 MiB and 100,000 members and elements.',
  },
  'unsupported-media-type': {
    meaning: 'The body has another media type, another charset, or is compressed.',
    remedy: 'Send Content-Type: application/json in UTF-8, without Content-Encoding.',
  },
  'wrong-host': {
    meaning: 'The Host header names a host that this vault does not answer for.',
    remedy: 'Use the host of the issuer URL (STRONGROOM_ISSUER) or a name in the certificate of the server.',
  },
  'headers-too-large': {
    meaning: 'The request has more or longer headers than the vault takes.',
    remedy: 'Send fewer and shorter headers.',
  },
  'unknown-transfer-coding': {
    meaning: 'The request uses a Transfer-Encoding other than chunked.',
    remedy: 'Send the body with Content-Length or with Transfer-Encoding: chunked.',
  },
  'invalid-client': {
    meaning: 'The client could not be authenticated. The answer is the same for every reason.',
    remedy: 'Check the id, the credential and its expiry. The log of the server and the audit event say the reason.',
  },
  'invalid-token-request': {
    meaning: 'The token request is not acceptable; the members error and error_description say why.',
    remedy: 'Send grant_type=client_credentials, and only scopes that the client has.',
  },
  unauthenticated: {
    meaning: 'The access token is missing, expired, refused, or not bound to its sender where it must be.',
    remedy:
      'Get a new token. Where WWW-Authenticate names DPoP, use a token that is bound to a key, with a fresh proof.',
  },
  'scope-missing': {
    meaning: 'The access token does not have the scope that this call needs.',
    remedy: 'Use a token with the scope in WWW-Authenticate. An operator gives a client its scopes.',
  },
  'purpose-not-permitted': {
    meaning: 'No grant of the role lets it use this kind of data for that purpose.',
    remedy: 'Name the purpose that you really have. An operator can explain the decision with "access explain".',
  },
  'fields-not-permitted': {
    meaning: 'The role may use this kind of data for that purpose, and not all of the fields that were asked for.',
    remedy: 'Ask for fewer fields, or leave fields out to get all that are granted.',
  },
  'consent-missing': {
    meaning: 'The purpose needs the consent of the shopper, and the record does not have it.',
    remedy: 'Do not use the data for this purpose. A consent is stored with a checkout, in consents.',
  },
  'condition-not-met': {
    meaning: 'The role may do this only under a condition that this request does not meet.',
    remedy: 'Read detail and errors: they say what is missing, such as a reason or a ticket.',
  },
  'approval-required': {
    meaning: 'A second person must approve this release. The member approval names the request that waits.',
    remedy: 'Wait for the approval, then send the same request again within 15 minutes.',
  },
  'own-request': {
    meaning: 'A request must be decided by another person of the staff than the one who made it.',
    remedy: 'Ask a colleague with the scope release:approve.',
  },
  'contract-ended': {
    meaning: 'The contract of the partner that this client belongs to has ended.',
    remedy: 'An operator can add a new contract and a new client.',
  },
  'caller-suspended': {
    meaning: 'The caller went beyond a budget that suspends.',
    remedy: 'An operator reviews what happened and runs "access lift".',
  },
  'origin-not-allowed': {
    meaning: 'A page of another origin than those of the checkout session has used the token of the session.',
    remedy: 'Name the origin of the page in origins when the session is opened.',
  },
  'attempts-spent': {
    meaning: 'The checkout was sent ten times in this session and was never accepted.',
    remedy: 'Open a new checkout session for the shopper.',
  },
  'card-search-off': {
    meaning: 'This vault is configured to find no card by its number (STRONGROOM_CARD_SEARCH=off).',
    remedy: 'Search by customer, e-mail address or telephone number.',
  },
  'too-many-requests': {
    meaning: 'A limit was reached: log-ins, cards a minute, comparisons, searches, open approvals, or misses.',
    remedy: 'Send the request again after the time in Retry-After, and not before.',
  },
  'budget-spent': {
    meaning: 'The caller has seen as many different records as its role allows in this hour or day.',
    remedy: 'Wait for the time in Retry-After, or ask an operator to change the budget of the role.',
  },
  'invalid-input': {
    meaning: 'A member of the body or of the query is not acceptable.',
    remedy: 'Read errors: each entry has a JSON pointer to the member and says what is expected.',
  },
  'unknown-member': {
    meaning: 'The input has a member that the vault does not know. It stores nothing by accident.',
    remedy: 'Remove the member that errors points to.',
  },
  'sensitive-authentication-data': {
    meaning: 'The input holds a verification code, track data or a PIN. They must not be stored after authorisation.',
    remedy: 'Remove the member. Send such data to the payment processor only.',
  },
  'invalid-card-number': {
    meaning: 'The card number has a wrong length, a wrong check digit, or characters that do not belong there.',
    remedy: 'Ask the shopper to enter the number again.',
  },
  'card-expired': {
    meaning: 'The month of expiry is over.',
    remedy: 'Ask the shopper for another card.',
  },
  'card-number-in-text': {
    meaning: 'A text outside the card holds what looks like a card number.',
    remedy: 'Remove it from the member that errors points to.',
  },
  'test-card-required': {
    meaning: 'The vault is not in production, and a checkout session there takes published test cards only.',
    remedy: 'Enter a test card of docs/reference/test-cards.md, or set STRONGROOM_CHECKOUT_REAL_CARDS=on.',
  },
  'invalid-idempotency-key': {
    meaning: 'The Idempotency-Key header has characters or a length that are not accepted.',
    remedy: 'Use up to 255 printable ASCII characters, without a card number.',
  },
  'idempotency-key-reused': {
    meaning: 'The Idempotency-Key was used with another request within 24 hours.',
    remedy: 'Use a new key for each new request, and the same key only to repeat one.',
  },
  'record-not-found': {
    meaning: 'There is no such record on the site of the caller. A token that is no token gets the same answer.',
    remedy: 'Check the token. A caller that asks for many missing records has to wait.',
  },
  'session-not-found': {
    meaning:
      'There is no checkout session with this id, it belongs to another client, or it ended more than a day ago.',
    remedy: 'Check the id. Only the client that opened a session may ask for its state.',
  },
  'session-expired': {
    meaning: 'The time of the checkout session is over, and no checkout was stored.',
    remedy: 'Open a new checkout session for the shopper.',
  },
  'session-used': {
    meaning:
      'A checkout was already stored in this session. The same checkout gets the same answer again, another one does not.',
    remedy: 'Ask for the state of the session, which names the tokens, or open a new session.',
  },
  'event-not-found': {
    meaning: 'There is no such event, the caller may not see it, or it was dropped.',
    remedy: 'Check the id of the event.',
  },
  'approval-not-found': {
    meaning: 'There is no such request on the site of the caller.',
    remedy: 'List the requests with GET /v1/approvals.',
  },
  'approval-decided': {
    meaning: 'The request is already decided, used, or expired.',
    remedy: 'The caller sends the release again, which makes a new request.',
  },
  'approval-changed': {
    meaning: 'The request was changed in the database by something other than the vault.',
    remedy: `The caller asks again. ${FOR_OPERATOR}`,
  },
  'record-gone': {
    meaning: 'The record was erased.',
    remedy: 'Remove the token from your own data. The values cannot be brought back.',
  },
  'event-dropped': {
    meaning: 'The event was removed by retention.',
    remedy: 'Use a receipt or an export from before. GET /v1/audit/minimum-index says where the entries begin.',
  },
  'request-in-flight': {
    meaning: 'Another request with this Idempotency-Key is still being handled.',
    remedy: CALL_AGAIN,
  },
  'record-changed': {
    meaning: 'The record was corrected while this request was being handled.',
    remedy: CALL_AGAIN,
  },
  'record-integrity': {
    meaning: 'A stored value does not open: its bytes, its row or its place was changed. Nothing was released.',
    remedy: `${FOR_OPERATOR} "records verify" says what was changed.`,
  },
  internal: {
    meaning: 'Something failed that the vault did not expect.',
    remedy: `${FOR_OPERATOR} The log of the server has the error under this request_id.`,
  },
  'database-unavailable': {
    meaning: 'The database cannot be reached, or it did not answer in time.',
    remedy: CALL_AGAIN,
  },
  'log-pending': {
    meaning: 'The event is not in the audit log yet, or the log has no checkpoint yet.',
    remedy: CALL_AGAIN,
  },
  'schema-changed': {
    meaning: 'The schema of the database differs from the one that this version ships. Nothing is served.',
    remedy: 'An operator puts it back, or accepts it with "migrate --accept-schema".',
  },
  'audit-unavailable': {
    meaning: 'The audit log cannot be written, or events are missing. Nothing is released without its event.',
    remedy: `${FOR_OPERATOR} After missing events the operator runs "audit resume".`,
  },
  'audit-log-changed': {
    meaning: 'The audit log is not the one that the vault signed.',
    remedy: `${FOR_OPERATOR} "audit verify" says what was changed.`,
  },
  'restored-backup': {
    meaning: 'The database is older than checkpoints that the vault signed. Nothing is read from it.',
    remedy: 'An operator runs "restore apply" with the newer log, or "restore waive".',
  },
  'issuer-unavailable': {
    meaning: 'The keys of the identity provider that issued this token cannot be fetched.',
    remedy: CALL_AGAIN,
  },
  sealed: {
    meaning: 'The vault has no root key, or its tables of keys or its access ledger were changed.',
    remedy: 'An operator opens the vault, or puts the tables back. It serves again by itself.',
  },
  'key-expired': {
    meaning: 'The key that would protect what is stored is past its time or its number of uses.',
    remedy: 'An operator runs "keys rotate". Calls that store nothing are still answered.',
  },
  busy: {
    meaning: 'The vault has as much under way as it takes, for this caller or in all.',
    remedy: CALL_AGAIN,
  },
  'shutting-down': {
    meaning: 'This server is stopping.',
    remedy: 'Send the request again on a new connection: another server, or this one after its restart, answers.',
  },
}
