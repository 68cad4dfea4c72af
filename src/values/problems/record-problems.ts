import type { ProblemEntry } from './problem-entry.ts'

/** What may be wrong with the record, the event or the request that a caller names. */
export const recordProblems = {
  'record-not-found': {
    kind: 'refused',
    title: 'There is no such record',
    meaning: 'There is no such record on the site of the caller. A malformed token gets the same answer.',
    remedy: 'Check the token. A caller that asks for many missing records has to wait.',
  },
  'session-not-found': {
    kind: 'refused',
    title: 'There is no such checkout session',
    meaning:
      'There is no checkout session with this id, it belongs to another client, or it ended more than a day ago.',
    remedy: 'Check the id. Only the client that opened a session may ask for its state.',
  },
  'session-expired': {
    kind: 'refused',
    title: 'The checkout session has expired',
    meaning: 'The time of the checkout session is over, and no checkout was stored.',
    remedy: 'Open a new checkout session for the shopper.',
  },
  'session-used': {
    kind: 'refused',
    title: 'The checkout session has been completed',
    meaning:
      'A checkout was already stored in this session. The same checkout gets the same answer again, another one does not.',
    remedy: 'Ask for the state of the session, which names the tokens, or open a new session.',
  },
  'policy-not-found': {
    kind: 'refused',
    title: 'There is no such version of the privacy policy',
    meaning: 'No version of this name is published, or none at all.',
    remedy: 'Publish one with `strongroom policy publish`, or ask without a version for the newest.',
  },
  'privacy-request-not-found': {
    kind: 'refused',
    title: 'There is no such request of a shopper',
    meaning: 'There is no such request on the site of the caller, or the caller may not see it.',
    remedy: 'List the requests with GET /v1/requests. Without customer:report a caller sees those that it opened.',
  },
  'privacy-request-closed': {
    kind: 'refused',
    title: 'The request of the shopper is closed',
    meaning: 'The request was done or refused, and does not change again.',
    remedy: 'Open a new request for the shopper.',
  },
  'security-code-not-found': {
    kind: 'refused',
    title: 'There is no such security code',
    meaning:
      'There is no such security code for this card: it was used, it has expired, or no server has its key any more.',
    remedy: 'Ask the shopper for the security code once more.',
  },
  'event-not-found': {
    kind: 'refused',
    title: 'There is no such event',
    meaning: 'There is no such event, the caller may not see it, or it was dropped.',
    remedy: 'Check the id of the event.',
  },
  'approval-not-found': {
    kind: 'refused',
    title: 'There is no such request for approval',
    meaning: 'There is no such request on the site of the caller.',
    remedy: 'List the requests with GET /v1/approvals.',
  },
  'approval-decided': {
    kind: 'refused',
    title: 'The request is already decided or expired',
    meaning: 'The request is already decided, used, or expired.',
    remedy: 'The caller sends the release again, which makes a new request.',
  },
  'approval-changed': {
    kind: 'refused',
    title: 'The request was changed outside the vault',
    meaning: 'The request was changed in the database by something other than the vault.',
    remedy: 'The caller asks again. Tell the operator of the vault.',
  },
  'record-gone': {
    kind: 'refused',
    title: 'The record has been erased',
    meaning: 'The record was erased.',
    remedy: 'Remove the token from your own data. The values cannot be brought back.',
  },
  'erasure-postponed': {
    kind: 'refused',
    title: 'A hold keeps the record',
    meaning: 'A hold keeps the record. The erasure is written down, and happens when the hold is released.',
    remedy: 'Do not send the request again. The operator of the vault releases holds.',
  },
  'event-dropped': {
    kind: 'refused',
    title: 'The event was removed by retention',
    meaning: 'The event was removed by retention.',
    remedy: 'Use a receipt or an export from before. GET /v1/audit/minimum-index says where the entries begin.',
  },
  'request-in-flight': {
    kind: 'refused',
    title: 'A request with this Idempotency-Key is still being handled',
    meaning: 'Another request with this Idempotency-Key is still being handled.',
    remedy: 'Send the request again after the time in Retry-After.',
  },
  'record-changed': {
    kind: 'refused',
    title: 'The record was changed in the meantime',
    meaning: 'The record was corrected while this request was being handled.',
    remedy: 'Send the request again after the time in Retry-After.',
  },
} as const satisfies Record<string, ProblemEntry>
