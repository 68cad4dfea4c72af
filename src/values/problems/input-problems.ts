import type { ProblemEntry } from './problem-entry.ts'

/** What may be wrong with the members of an input. */
export const inputProblems = {
  'invalid-input': {
    kind: 'refused',
    title: 'The input is not acceptable',
    meaning: 'A member of the body or of the query is not acceptable.',
    remedy: 'Read errors: each entry has a JSON pointer to the member and says what is expected.',
  },
  'unknown-member': {
    kind: 'refused',
    title: 'The input has an unknown member',
    meaning: 'The input has a member that the vault does not know. It stores nothing by accident.',
    remedy: 'Remove the member that errors points to.',
  },
  'sensitive-authentication-data': {
    kind: 'refused',
    title: 'Card verification codes, track data and PINs are not accepted here',
    meaning: 'The input holds a verification code, track data or a PIN. They must not be stored after authorisation.',
    remedy:
      'Remove the member. A security code is kept for one payment by POST /v1/security-codes or a checkout session; track data and PINs never are.',
  },
  'invalid-card-number': {
    kind: 'refused',
    title: 'The card number is not acceptable',
    meaning: 'The card number has a wrong length, a wrong check digit, or characters that do not belong there.',
    remedy: 'Ask the shopper to enter the number again.',
  },
  'card-expired': {
    kind: 'refused',
    title: 'The card has expired',
    meaning: 'The month of expiry is over.',
    remedy: 'Ask the shopper for another card.',
  },
  'card-number-in-text': {
    kind: 'refused',
    title: 'A text contains what looks like a card number',
    meaning: 'A text outside the card holds what looks like a card number.',
    remedy: 'Remove it from the member that errors points to.',
  },
  'unknown-policy-version': {
    kind: 'refused',
    title: 'There is no such version of the privacy policy',
    meaning: 'policy_version names a version that is not published in this vault.',
    remedy: 'Name the version that the shopper was shown. GET /v1/privacy-policy shows the newest one.',
  },
  'test-card-required': {
    kind: 'refused',
    title: 'This vault takes test cards only from a checkout session',
    meaning: 'The vault is not in production, and a checkout session there takes published test cards only.',
    remedy: 'Enter a test card of docs/reference/test-cards.md, or set STRONGROOM_CHECKOUT_REAL_CARDS=on.',
  },
  'invalid-idempotency-key': {
    kind: 'refused',
    title: 'The Idempotency-Key is not acceptable',
    meaning: 'The Idempotency-Key header has characters or a length that are not accepted.',
    remedy: 'Use up to 255 printable ASCII characters, without a card number.',
  },
  'idempotency-key-reused': {
    kind: 'refused',
    title: 'The Idempotency-Key was used with another request',
    meaning: 'The Idempotency-Key was used with another request within 24 hours.',
    remedy: 'Use a new key for each new request, and the same key only to repeat one.',
  },
} as const satisfies Record<string, ProblemEntry>
