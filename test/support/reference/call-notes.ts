/** What the schema of a call does not say, by method and path. */
export const CALL_NOTES: Readonly<Record<string, readonly string[]>> = {
  'POST /oauth/token': [
    `A client proves itself by a secret (HTTP Basic, or \`client_id\` and \`client_secret\` in the body), by a signed
      assertion (\`private_key_jwt\`, RFC 7523), or by a certificate (RFC 8705). A DPoP proof in the header \`DPoP\` binds the
      token to its key. The body is \`application/x-www-form-urlencoded\` or JSON, of at most 8 KiB.`,
    'Parameters that the endpoint does not know are ignored (RFC 6749 section 3.2). The token ends after 300 seconds.',
  ],
  'POST /v1/tokenize': [
    `At least one of \`card\`, \`billing_address\`, \`shipping_address\` and \`contact\` must be there. All parts are stored,
      or none. The answer leaves after the durable commit.`,
    `Verification codes, tracks and PINs are refused with a code of their own (\`sensitive-authentication-data\`). A text that
      holds a card number is refused as well: [card numbers in text](../explanation/card-numbers-in-text.md).`,
    `A telephone number of an address is read as it is dialled in the country of the address. In a contact it needs \`+\` and
      its country code. Both spellings of an international domain name are one mailbox.`,
  ],
  'POST /v1/checkout-sessions': [
    `\`origins\` are exact: scheme, host and port, \`https\` only (outside production also \`http\` on this machine).
      \`token\` can store one checkout from pages of these origins, and nothing else; it ends with the session and with its
      client. \`url\` is the hosted page. A session has ten attempts, and only a success uses it up.`,
  ],
  'GET /v1/checkout-sessions/{id}': [
    `For the client that opened the session, until a day after its end. Compare the id with the one that you opened for this
      shopper before you believe what a browser says.`,
  ],
  'POST /v1/tokenize/batch': [
    'Each item has the members of `POST /v1/tokenize`. An item that is refused is a problem document in its place.',
  ],
  'POST /v1/tokens/{token}/reveal': [
    `The caller needs the scope of the record's kind, and a role with a grant for kind, purpose and fields
      ([roles file](roles-file.md)). Without \`fields\` the answer has all granted fields that the record has.`,
    `A card number is released to a token that is bound to its sender only; outside production also to a token of
      \`staff token\`. \`legal-compliance\` needs \`authority\`, \`ticket\` and an approval. \`event\` is the id of the audit
      event, which is committed before the answer leaves.`,
  ],
  'POST /v1/reveal': ['A record that is not released is a problem document in its place, with its `token`.'],
  'GET /v1/approvals': ['Releases that must be reviewed come first, then requests, the oldest first.'],
  'GET /v1/approvals/{approval}': ['`record_version` is the version of the record that was asked for.'],
  'POST /v1/approvals/{approval}/approve': [
    `The person must be another one than the caller of the request. The same request then releases the data: once, within 15
      minutes, for that record and version, those fields, that purpose and ticket.`,
  ],
  'POST /v1/tokens/{token}/match': [
    `Three forms: \`fields\` with values, one \`field\` with its \`value\`, or another \`token\` with optional names in
      \`fields\`. The answer is \`{"matches": true}\` or \`{"matches": false}\`. Comparisons are limited for each caller and
      record.`,
  ],
  'PATCH /v1/tokens/{token}': [
    `The body has the fields to correct beside \`purpose\`, \`reason\` and \`ticket\`. The number of a card cannot be corrected.
      A role may ask for a reason, a ticket or a purpose.`,
  ],
  'POST /v1/search': [
    `The answer has at most 100 masked views; \`truncated\` says whether there are more. A search by \`card_number\` needs
      what revealing the number needs, and \`purpose\`: to find the card is to confirm its number.`,
  ],
  'POST /v1/tokens/{token}/erase': ['The record is gone with all its versions and search terms. Its events stay.'],
  'GET /v1/audit/events': [
    `\`audit:read\` shows the events of the caller's site and those of the whole vault, \`audit:read-all\` those of all sites.
      A page from which a forged row was left out is shorter. Reading events is an event too.`,
  ],
  'GET /v1/audit/events/{event}/receipt': [
    `An event that has just happened waits up to three seconds for its place in the log, then the answer is 503 \`log-pending\`.
      \`strongroom audit verify --receipt\` verifies a receipt without the vault: [log format](log-format.md#receipt).`,
  ],
  'GET /v1/audit/tile/{path}': [
    `Paths are those of C2SP \`tlog-tiles\`: \`<L>/<N>\` for hashes of level L, \`entries/<N>\` for events, with \`.p/<W>\` for a
      tile that is not full. A full tile is final. A bundle of entries is 404 for a caller who may not see one of its events,
      and 410 once its events were dropped.`,
  ],
  'GET /readyz': [
    '503 with a code says why the vault cannot serve. `/healthz` answers 200 as long as the process runs.',
  ],
}
