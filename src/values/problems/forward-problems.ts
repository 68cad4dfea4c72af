import type { ProblemEntry } from './problem-entry.ts'

/** Codes about what a card is sent to. */
export const forwardProblems = {
  'destination-not-found': {
    kind: 'refused',
    title: 'There is no such destination',
    meaning: 'The set of destinations in force has none of this name.',
    remedy: 'Compare the name with `strongroom destinations export`.',
  },
  'destination-unavailable': {
    kind: 'failed',
    title: 'The destination could not be reached, and nothing was sent',
    meaning:
      'No verified connection to the destination came about, its address is not allowed, or too many requests to it are under way. Nothing was sent, a security code is kept, and the Idempotency-Key is free again.',
    remedy: 'Send the request again, with the same Idempotency-Key if you like.',
  },
  'destination-timeout': {
    kind: 'failed',
    title: 'The destination did not answer in time',
    meaning: 'The request was sent, and its answer did not come in time. The destination may have acted on it.',
    remedy: 'Ask the destination what became of it before you send it again with `"resend": true` and the same key.',
  },
  'forward-outcome-unknown': {
    kind: 'refused',
    title: 'It is unknown what became of the request to the destination',
    meaning:
      'A request with this Idempotency-Key was sent to the destination, or may have been, and no answer of it could be used: the connection broke, the answer was too long, or the server ended. Nothing is sent again.',
    remedy: 'Ask the destination what became of it before you send it again with `"resend": true` and the same key.',
  },
} as const satisfies Record<string, ProblemEntry>
