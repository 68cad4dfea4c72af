import type { ProblemEntry } from './problem-entry.ts'

/** What may be wrong with who is calling, or with what they may do. */
export const callerProblems = {
  'invalid-client': {
    kind: 'refused',
    title: 'The client could not be authenticated',
    meaning: 'The client could not be authenticated. The answer is the same for every reason.',
    remedy: 'Check the id, the credential and its expiry. The log of the server and the audit event say the reason.',
  },
  'invalid-token-request': {
    kind: 'refused',
    title: 'The token request is not acceptable',
    meaning: 'The token request is not acceptable; the members error and error_description say why.',
    remedy: 'Send grant_type=client_credentials, and only scopes that the client has.',
  },
  unauthenticated: {
    kind: 'refused',
    title: 'A valid access token is required',
    meaning: 'The access token is missing, expired, refused, or not bound to its sender where it must be.',
    remedy:
      'Get a new token. Where WWW-Authenticate names DPoP, use a token that is bound to a key, with a fresh proof.',
  },
  'scope-missing': {
    kind: 'refused',
    title: 'The access token lacks the scope for this',
    meaning: 'The access token does not have the scope that this call needs.',
    remedy: 'Use a token with the scope in WWW-Authenticate. An operator gives a client its scopes.',
  },
  'purpose-not-permitted': {
    kind: 'refused',
    title: 'The role may not use this data for that purpose',
    meaning: 'No grant of the role lets it use this kind of data for that purpose.',
    remedy: 'Name the purpose that you really have. An operator can explain the decision with "access explain".',
  },
  'fields-not-permitted': {
    kind: 'refused',
    title: 'The role may not see those fields for that purpose',
    meaning: 'The role may use this kind of data for that purpose, and not all of the fields that were asked for.',
    remedy: 'Ask for fewer fields, or leave fields out to get all that are granted.',
  },
  'purpose-not-notified': {
    kind: 'refused',
    title: 'The shopper was not told of that purpose',
    meaning:
      'The version of the privacy policy that the shopper was shown does not name this purpose for this kind of data.',
    remedy: 'Do not use the data for this purpose. Records of a later checkout, under a later version, may allow it.',
  },
  'consent-missing': {
    kind: 'refused',
    title: 'The shopper has not consented to that purpose',
    meaning: 'The purpose needs the consent of the shopper, and the record does not have it.',
    remedy:
      'Do not use the data for this purpose. A consent is stored with a checkout, in consents, or later with POST /v1/customers/consents.',
  },
  'condition-not-met': {
    kind: 'refused',
    title: 'A condition of the role is not met',
    meaning: 'The role may do this only under a condition that this request does not meet.',
    remedy: 'Read detail and errors: they say what is missing, such as a reason or a ticket.',
  },
  'approval-required': {
    kind: 'refused',
    title: 'Another person must approve this release first',
    meaning: 'A second person must approve this release. The member approval names the request that waits.',
    remedy: 'Wait for the approval, then send the same request again within 15 minutes.',
  },
  'own-request': {
    kind: 'refused',
    title: 'You cannot approve your own request',
    meaning: 'A request must be decided by another person of the staff than the one who made it.',
    remedy: 'Ask a colleague with the scope release:approve.',
  },
  'contract-ended': {
    kind: 'refused',
    title: 'The contract of the partner has ended',
    meaning:
      'The contract of the partner that this client belongs to, or that the data would go to, has ended or does not exist.',
    remedy: 'An operator can add a new contract and a new client.',
  },
  'caller-suspended': {
    kind: 'refused',
    title: 'The caller is suspended until an operator lifts the suspension',
    meaning: 'The caller went beyond a budget that suspends.',
    remedy: 'An operator reviews what happened and runs "access lift".',
  },
  'origin-not-allowed': {
    kind: 'refused',
    title: 'The checkout session is not for this origin',
    meaning: 'A page of another origin than those of the checkout session has used the token of the session.',
    remedy: 'Name the origin of the page in origins when the session is opened.',
  },
  'attempts-spent': {
    kind: 'refused',
    title: 'The checkout session has no attempts left',
    meaning: 'The checkout was sent ten times in this session and was never accepted.',
    remedy: 'Open a new checkout session for the shopper.',
  },
  'card-search-off': {
    kind: 'refused',
    title: 'This vault does not search by card number',
    meaning: 'This vault is configured to find no card by its number (STRONGROOM_CARD_SEARCH=off).',
    remedy: 'Search by customer, e-mail address or telephone number.',
  },
  'too-many-requests': {
    kind: 'refused',
    title: 'Too many requests',
    meaning: 'A limit was reached: log-ins, cards a minute, comparisons, searches, open approvals, or misses.',
    remedy: 'Send the request again after the time in Retry-After, and not before.',
  },
  'budget-spent': {
    kind: 'refused',
    title: 'The caller has used up the budget of its role for now',
    meaning: 'The caller has seen as many different records as its role allows in this hour or day.',
    remedy: 'Wait for the time in Retry-After, or ask an operator to change the budget of the role.',
  },
} as const satisfies Record<string, ProblemEntry>
