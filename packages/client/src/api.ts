/** Written by `npm run api` from docs/reference/openapi.json. Change the source, not this file. */

export interface paths {
    "/oauth/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A client’s credentials for an access token (RFC 6749 client credentials)
         * @description A client proves itself by a secret (HTTP Basic, or `client_id` and `client_secret` in the body), by a signed assertion (`private_key_jwt`, RFC 7523), or by a certificate (RFC 8705). A DPoP proof in the header `DPoP` binds the token to its key. The body is `application/x-www-form-urlencoded` or JSON, of at most 8 KiB.
         *
         *     Parameters that the endpoint does not know are ignored (RFC 6749 section 3.2). The token ends after 300 seconds.
         */
        post: operations["issueToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The public keys of access tokens
         * @description The public keys of access tokens.
         */
        get: operations["getJwks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/oauth-authorization-server": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Authorization server metadata (RFC 8414)
         * @description Authorization server metadata (RFC 8414).
         */
        get: operations["getAuthorizationServerMetadata"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/openid-configuration": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The same, where OpenID Connect Discovery looks for it
         * @description The same, where OpenID Connect Discovery looks for it.
         */
        get: operations["getOpenIdConfiguration"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/oauth-protected-resource": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Protected resource metadata (RFC 9728)
         * @description Protected resource metadata (RFC 9728).
         */
        get: operations["getProtectedResourceMetadata"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokenize": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Store the parts of a checkout, all or none, and get their tokens
         * @description At least one of `card`, `billing_address`, `shipping_address` and `contact` must be there. All parts are stored, or none. The answer leaves after the durable commit.
         *
         *     Verification codes, tracks and PINs are refused with a code of their own (`sensitive-authentication-data`). A text that holds a card number is refused as well.
         *
         *     A telephone number of an address is read as it is dialled in the country of the address. In a contact it needs `+` and its country code. Both spellings of an international domain name are one mailbox.
         *
         *     With the token of a checkout session the checkout belongs to the customer of the session, is stored once, and is answered without `customer` and with `consents_given`.
         *
         *     Scope: `tokenize`.
         */
        post: operations["tokenize"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokenize/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Store up to 1,000 checkouts; each succeeds or fails by itself
         * @description Each item has the members of `POST /v1/tokenize`. An item that is refused is a problem document in its place.
         *
         *     Scope: `tokenize`.
         */
        post: operations["tokenizeBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokens/{token}/reveal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Release the granted fields of a record for a purpose
         * @description The caller needs the scope of the record's kind, and a role with a grant for kind, purpose and fields. Without `fields` the answer has all granted fields that the record has.
         *
         *     A card number is released to a token that is bound to its sender only; outside production also to a token of `staff token`. `legal-compliance` needs `authority`, `ticket` and an approval. `event` is the id of the audit event, which is committed before the answer leaves.
         *
         *     Scope: `card:reveal` or `address:reveal` or `contact:reveal`.
         */
        post: operations["revealRecord"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reveal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Release up to 100 records for one purpose
         * @description A record that is not released is a problem document in its place, with its `token`.
         *
         *     Scope: `card:reveal` or `address:reveal` or `contact:reveal`.
         */
        post: operations["revealRecords"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokens/{token}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Release the granted fields of a record to the key of a partner
         * @description The fields that both the role of the caller grants and the contract of the partner names leave as a JWE (RFC 7516, `A256GCM`) to the first key of the partner, so the caller cannot read them. Everything else is as in a reveal: scope, bound token for a card number, consent, approvals and budgets. An approval is for this partner alone.
         *
         *     The JWE holds the JSON that a reveal answers: `token`, `kind`, `data` and `event`. Its header names the key (`kid`). The audit event `record.release` names the partner, and is committed before the answer leaves.
         *
         *     Scope: `card:reveal` or `address:reveal` or `contact:reveal`.
         */
        post: operations["releaseRecord"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/approvals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the releases of the site that wait for approval, or for a review after break-glass
         * @description Releases that must be reviewed come first, then requests, the oldest first.
         *
         *     Scope: `release:approve`.
         */
        get: operations["listApprovals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/approvals/{approval}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show one request: who asks for which fields of which record, why, and the record masked
         * @description `record_version` is the version of the record that was asked for.
         *
         *     Scope: `release:approve`.
         */
        get: operations["getApproval"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/approvals/{approval}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Approve the release: the caller may see it once, within 15 minutes
         * @description The person must be another one than the caller of the request. The same request then releases the data: once, within 15 minutes, for that record and version, those fields, that purpose and ticket.
         *
         *     Scope: `release:approve`.
         */
        post: operations["approveRelease"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/approvals/{approval}/refuse": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Refuse the release
         * @description Refuse the release.
         *
         *     Scope: `release:approve`.
         */
        post: operations["refuseRelease"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/approvals/{approval}/review": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Record that a release that did not wait was reviewed
         * @description Record that a release that did not wait was reviewed.
         *
         *     Scope: `release:approve`.
         */
        post: operations["reviewRelease"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokens/{token}/match": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say whether a record equals a value or another record, without releasing either
         * @description Three forms: `fields` with values, one `field` with its `value`, or another `token` with optional names in `fields`. The answer is `{"matches": true}` or `{"matches": false}`. Comparisons are limited for each caller and record.
         *
         *     Scope: `token:match`.
         */
        post: operations["matchRecord"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokens/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The masked view of a record
         * @description The masked view of a record.
         *
         *     Scope: `token:read`.
         */
        get: operations["getRecord"];
        put?: never;
        post?: never;
        /**
         * Erase a record with all its versions, for roles that need no reason
         * @description Erase a record with all its versions, for roles that need no reason.
         *
         *     Scope: `token:erase`.
         */
        delete: operations["eraseRecord"];
        options?: never;
        head?: never;
        /**
         * Correct an address, a contact or the expiry of a card; null removes an optional field
         * @description The body has the fields to correct beside `purpose`, `reason` and `ticket`. The number of a card cannot be corrected. `disclosed_to` lists the partners that were given an old value within a year; each gets a notice. A role may ask for a reason, a ticket or a purpose.
         *
         *     Scope: `token:correct`.
         */
        patch: operations["correctRecord"];
        trace?: never;
    };
    "/v1/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Find records by the exact customer, e-mail, phone or card number
         * @description The answer has at most 100 masked views; `truncated` says whether there are more. A search by `card_number` needs what revealing the number needs, and `purpose`: to find the card is to confirm its number.
         *
         *     Scope: `token:search`.
         */
        post: operations["searchRecords"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokens/{token}/erase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Erase a record with all its versions, with a reason
         * @description The record is gone with all its versions and search terms. Its events stay. If a hold keeps it, the answer is `erasure-postponed`: the erasure is written down, and happens when the hold is released.
         *
         *     Scope: `token:erase`.
         */
        post: operations["eraseRecordWithReason"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/checkout-sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Open a session in which a shopper's browser stores one checkout
         * @description `origins` are exact: scheme, host and port, `https` only (outside production also `http` on this machine). `token` can store one checkout from pages of these origins, and nothing else; it ends with the session and with its client. `url` is the hosted page. A session has ten attempts, and only a success uses it up. With `security_code` among the parts the page asks for the security code too, and keeps it for 15 minutes.
         *
         *     Scope: `tokenize`.
         */
        post: operations["openCheckoutSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/checkout-sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The state of a checkout session, and the tokens of what the shopper stored
         * @description For the client that opened the session, until a day after its end. Compare the id with the one that you opened for this shopper before you believe what a browser says.
         *
         *     Scope: `tokenize`.
         */
        get: operations["getCheckoutSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the requests of shoppers, the oldest first
         * @description `customer:report` shows those of the site, `customer:request` those that the caller opened itself, so a page may be shorter than `limit` and still have a `next`.
         *
         *     Scope: `customer:request` or `customer:report`.
         */
        get: operations["listPrivacyRequests"];
        put?: never;
        /**
         * Open a shopper's request: to see, correct or erase what is held, to withdraw a consent, or to object
         * @description `jurisdiction` says until when it must be answered. `identity` may be recorded later; only then a report shows values in full. The request itself changes no record.
         *
         *     Scope: `customer:request` or `customer:report`.
         */
        post: operations["openPrivacyRequest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/requests/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show one request
         * @description Show one request.
         *
         *     Scope: `customer:request` or `customer:report`.
         */
        get: operations["getPrivacyRequest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Record the proof of identity, who is in charge, and the outcome of a request
         * @description `done` and `refused` close it; a refusal needs `reason`.
         *
         *     Scope: `customer:report`.
         */
        patch: operations["changePrivacyRequest"];
        trace?: never;
    };
    "/v1/customers/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Everything that is held of a shopper, why, since when, and every disclosure of it, as a zip
         * @description The zip has `report.json` and `report.html`, a page to print. Values are masked unless `request` names a request to see what is held whose proof of identity is recorded; then they are in full as far as the caller's role grants them for `respond-to-query`. What an authority has ordered to withhold is in the auditor's copy alone, which needs `audit:read` too. The report is an event.
         *
         *     Scope: `customer:report`.
         */
        post: operations["reportCustomer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customers/erase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Erase all records of a customer
         * @description All records of the customer on the site of the caller are gone, with all their versions and search terms. Their events stay. Nothing is erased unless the caller may erase each of them. A record that a hold keeps is erased once the hold is released. More than a hundred records go in several steps: if the call fails, call again, and it does the rest.
         *
         *     Scope: `token:erase`.
         */
        post: operations["eraseCustomer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/privacy-policy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The newest version of the privacy policy
         * @description A page without script for a browser (`Accept: text/html`), otherwise JSON. A version never changes.
         */
        get: operations["getPrivacyPolicy"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/privacy-policy/receipt-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The public keys of receipts of consents
         * @description A JWK Set (RFC 7517). A receipt is a compact JWS whose header names one of these keys as `kid`.
         */
        get: operations["getReceiptKeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/privacy-policy/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A version of the privacy policy
         * @description A page without script for a browser (`Accept: text/html`), otherwise JSON. A version never changes.
         */
        get: operations["getPrivacyPolicyVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customers/consents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give and withdraw consents of a customer
         * @description Changes all records of the customer on the site of the caller at once; it holds from the next request on. A change that is there already changes nothing. To withdraw `store-card` erases the cards that were kept under it and leaves everything else.
         *
         *     Scope: `consent:write`.
         */
        post: operations["changeConsents"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/security-codes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Keep the security code of a card for one forward
         * @description The code has as many digits as the brand of the card prints. It is encrypted to keys that are only in the memory of the servers. Its first use takes it away, and so do its end, a crash of the database and a restart of all servers. It goes with this card only. No call shows it.
         *
         *     Scope: `tokenize`.
         */
        post: operations["keepSecurityCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/forward": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a stored card to a destination, without seeing it
         * @description The caller names a destination of the set in force, never a URL, and sees neither the records nor the secrets. It needs a role that forwards cards, and a contract of the destination's partner that names every field. A token must be bound to its sender, as for a card number.
         *
         *     `Idempotency-Key` is required, except for `dry_run`. It is kept for 24 hours. While it is, the same request gets the same answer and nothing is sent. After `destination-unavailable` nothing was sent, and the key is free again. After `destination-timeout` and `forward-outcome-unknown` the request may have arrived: a repetition answers `forward-outcome-unknown`, and sends only with `resend`. `resend` and `security_code` may differ in a repetition. `event` is the id of the audit event, which is committed before a byte leaves.
         *
         *     Scope: `card:forward`.
         */
        post: operations["forward"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Audit events in the order of time, a page at a time
         * @description `audit:read` shows the events of the caller's site and those of the whole vault, `audit:read-all` those of all sites. A page from which a forged row was left out is shorter. Reading events is an event too.
         *
         *     Scope: `audit:read` or `audit:read-all`.
         */
        get: operations["listAuditEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit/checkpoint": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The latest checkpoint of the audit log, a signed note (C2SP tlog-checkpoint)
         * @description The latest checkpoint of the audit log, a signed note (C2SP tlog-checkpoint).
         *
         *     Scope: `audit:read` or `audit:read-all`.
         */
        get: operations["getCheckpoint"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit/minimum-index": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The first entry that the bundles of the audit log still publish (C2SP tlog-tiles, "Pruning")
         * @description The first entry that the bundles of the audit log still publish (C2SP tlog-tiles, "Pruning").
         *
         *     Scope: `audit:read` or `audit:read-all`.
         */
        get: operations["getMinimumIndex"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit/tile/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A tile of the audit log, or a bundle of its entries (C2SP tlog-tiles)
         * @description Paths are those of C2SP `tlog-tiles`: `<L>/<N>` for hashes of level L, `entries/<N>` for events, with `.p/<W>` for a tile that is not full. A full tile is final. A bundle of entries is 404 for a caller who may not see one of its events, and 410 once its events were dropped.
         *
         *     Scope: `audit:read` or `audit:read-all`.
         */
        get: operations["getTile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit/events/{event}/receipt": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The receipt of an event: the event, an inclusion proof and a checkpoint
         * @description An event that has just happened waits up to three seconds for its place in the log, then the answer is 503 `log-pending`. `strongroom audit verify --receipt` verifies a receipt without the vault.
         *
         *     Scope: `audit:read` or `audit:read-all`.
         */
        get: operations["getReceipt"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/http-message-signatures-directory": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The public keys of requests that the vault signs
         * @description A JWK Set. The vault signs requests to third parties with Ed25519: HTTP message signatures (RFC 9421), whose `keyid` is the `kid` here, and JWTs. A new key is here a day before it signs, and an old one a day after it has signed for the last time.
         */
        get: operations["getMessageKeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Say whether the process answers
         * @description Say whether the process answers.
         *
         *     A sealed vault answers it too.
         */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Say whether the vault can serve
         * @description 503 with a code says why the vault cannot serve. `/healthz` answers 200 as long as the process runs.
         *
         *     A sealed vault answers it too.
         */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Leads to the documentation
         * @description Leads to the documentation.
         *
         *     A sealed vault answers it too.
         */
        get: operations["getRoot"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/problems/{code}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the code of a problem means, and what to do
         * @description What the code of a problem means, and what to do.
         *
         *     A sealed vault answers it too.
         */
        get: operations["getProblemPage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        TokenRequest: {
            /** @constant */
            grant_type: "client_credentials";
            /** @description Unless the client proves itself by the Authorization header */
            client_id?: string;
            /** @description Of a client with a secret that sends it in the body */
            client_secret?: string;
            /** @constant */
            client_assertion_type?: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            /** @description A JWT that the client signed (RFC 7523) */
            client_assertion?: string;
            /** @description Some of the scopes of the client, with spaces; default: all */
            scope?: string;
        };
        /** @description What a checkout hands over, with at least one of: `card`, `billing_address`, `shipping_address`, `contact` */
        Checkout: {
            /**
             * @description the shop's own reference for the shopper
             * @example cus_1042
             */
            customer?: string;
            /** @description the version of the privacy policy that the shopper was shown */
            policy_version?: string;
            /** @description what the shopper agreed to, by name */
            consents?: string[];
            card?: components["schemas"]["Card"];
            billing_address?: components["schemas"]["Address"];
            shipping_address?: components["schemas"]["Address"];
            contact?: components["schemas"]["Contact"];
        };
        Card: {
            /**
             * @description Card number, 12 to 19 digits of any script; spaces and dashes are dropped
             * @example 4242 4242 4242 4242
             */
            number: string;
            /**
             * @description Month of expiry
             * @example 12
             */
            exp_month: number;
            /**
             * @description Year of expiry, four digits
             * @example 2031
             */
            exp_year: number;
            /**
             * @description Name on the card
             * @example Tan Mei Ling
             */
            holder_name?: string;
        };
        Address: {
            /**
             * @description First line, as it is written on an envelope
             * @example 1 Raffles Place
             */
            line1: string;
            /**
             * @description ISO 3166-1 alpha-2
             * @example SG
             */
            country: string;
            /**
             * @description Addressee
             * @example Tan Mei Ling
             */
            name?: string;
            /** @description Company or organisation */
            company?: string;
            /**
             * @description Second line
             * @example #20-61
             */
            line2?: string;
            /** @description Part of a city */
            district?: string;
            /**
             * @description City or town
             * @example Singapore
             */
            city?: string;
            /** @description State, province or prefecture */
            region?: string;
            /**
             * @description Postal code
             * @example 048616
             */
            postal_code?: string;
            /** @description Telephone number, stored as sent and in E.164 */
            phone?: string;
            /** @description Instructions for the delivery */
            instructions?: string;
        };
        Contact: {
            /**
             * @description Full name
             * @example Tan Mei Ling
             */
            name?: string;
            /**
             * Format: email
             * @description E-mail address
             * @example mei@example.sg
             */
            email?: string;
            /**
             * @description Telephone number with + and country code
             * @example +65 6123 4567
             */
            phone?: string;
        };
        CheckoutBatch: {
            items: components["schemas"]["Checkout"][];
        };
        /** @description What a record is revealed for, and which of its fields */
        RevealRequest: {
            /** @enum {string} */
            purpose: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            /** @description the reason; stored sealed beside the audit event */
            reason?: string;
            /** @description the ticket or case that asks for it; it is in the audit event in the clear */
            ticket?: string;
            /** @description the name of the authority that asks, never of a person; it is in the audit event in the clear */
            authority?: string;
            /** @description release without waiting for an approval; it raises an alert */
            break_glass?: boolean;
            /** @description only these fields; default: all granted fields */
            fields?: string[];
        };
        /** @description What records are revealed for, and which of their fields */
        RevealManyRequest: {
            /** @enum {string} */
            purpose: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            /** @description the reason; stored sealed beside the audit event */
            reason?: string;
            /** @description the ticket or case that asks for it; it is in the audit event in the clear */
            ticket?: string;
            /** @description the name of the authority that asks, never of a person; it is in the audit event in the clear */
            authority?: string;
            /** @description release without waiting for an approval; it raises an alert */
            break_glass?: boolean;
            items: components["schemas"]["RevealItem"][];
        };
        RevealItem: {
            token: string;
            /** @description only these fields; default: all granted fields */
            fields?: string[];
        };
        /** @description The partner to whose key a record is released, what for, and which of its fields */
        PartnerReleaseRequest: {
            /**
             * @description The id of the partner
             * @example partner_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            partner: string;
            /** @enum {string} */
            purpose: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            /** @description the reason; stored sealed beside the audit event */
            reason?: string;
            /** @description the ticket or case that asks for it; it is in the audit event in the clear */
            ticket?: string;
            /** @description the name of the authority that asks, never of a person; it is in the audit event in the clear */
            authority?: string;
            /** @description release without waiting for an approval; it raises an alert */
            break_glass?: boolean;
            /** @description only these fields; default: all granted fields */
            fields?: string[];
        };
        MatchRequest: components["schemas"]["MatchByValues"] | components["schemas"]["MatchByValue"] | components["schemas"]["MatchByToken"];
        /** @description Compares several values with the record */
        MatchByValues: {
            /** @enum {string} */
            purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            fields: components["schemas"]["ComparedValues"];
        };
        ComparedValues: {
            last4?: string;
            postal_code?: string;
            name?: string;
            address?: components["schemas"]["Place"];
        };
        /** @description A place, as a caller describes it */
        Place: {
            line1: string;
            line2?: string;
            district?: string;
            city?: string;
            region?: string;
            postal_code?: string;
            country?: string;
        };
        /** @description Compares one value with the record */
        MatchByValue: {
            /** @enum {string} */
            purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            /** @enum {string} */
            field: "last4" | "postal_code" | "name" | "address";
            value: components["schemas"]["ComparedValue"];
        };
        /** @description A text, or a place to compare with an address */
        ComparedValue: string | components["schemas"]["Place"];
        /** @description Compares another record with the record; default: in all that they share */
        MatchByToken: {
            /** @enum {string} */
            purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            token: string;
            fields?: ("last4" | "postal_code" | "name" | "address")[];
        };
        /** @description What to correct: the members of the kind that the token names */
        Correction: components["schemas"]["CardCorrection"] | components["schemas"]["AddressCorrection"] | components["schemas"]["ContactCorrection"];
        /** @description The fields of a record of the kind `card` to correct, at least one, and why */
        CardCorrection: {
            /**
             * @description Month of expiry
             * @example 12
             */
            exp_month?: number;
            /**
             * @description Year of expiry, four digits
             * @example 2031
             */
            exp_year?: number;
            /**
             * @description what the change is for; it is in the audit event
             * @enum {string}
             */
            purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            /** @description the reason; stored sealed beside the audit event */
            reason?: string;
            /** @description the ticket or case that asks for it; it is in the audit event in the clear */
            ticket?: string;
        };
        /** @description The fields of a record of the kind `address` to correct, at least one, and why */
        AddressCorrection: {
            /**
             * @description First line, as it is written on an envelope
             * @example 1 Raffles Place
             */
            line1?: string;
            /**
             * @description ISO 3166-1 alpha-2
             * @example SG
             */
            country?: string;
            /**
             * @description Addressee
             * @example Tan Mei Ling
             */
            name?: string | null;
            /** @description Company or organisation */
            company?: string | null;
            /**
             * @description Second line
             * @example #20-61
             */
            line2?: string | null;
            /** @description Part of a city */
            district?: string | null;
            /**
             * @description City or town
             * @example Singapore
             */
            city?: string | null;
            /** @description State, province or prefecture */
            region?: string | null;
            /**
             * @description Postal code
             * @example 048616
             */
            postal_code?: string | null;
            /** @description Telephone number, stored as sent and in E.164 */
            phone?: string | null;
            /** @description Instructions for the delivery */
            instructions?: string | null;
            /**
             * @description what the change is for; it is in the audit event
             * @enum {string}
             */
            purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            /** @description the reason; stored sealed beside the audit event */
            reason?: string;
            /** @description the ticket or case that asks for it; it is in the audit event in the clear */
            ticket?: string;
        };
        /** @description The fields of a record of the kind `contact` to correct, at least one, and why */
        ContactCorrection: {
            /**
             * @description Full name
             * @example Tan Mei Ling
             */
            name?: string | null;
            /**
             * Format: email
             * @description E-mail address
             * @example mei@example.sg
             */
            email?: string | null;
            /**
             * @description Telephone number with + and country code
             * @example +65 6123 4567
             */
            phone?: string | null;
            /**
             * @description what the change is for; it is in the audit event
             * @enum {string}
             */
            purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            /** @description the reason; stored sealed beside the audit event */
            reason?: string;
            /** @description the ticket or case that asks for it; it is in the audit event in the clear */
            ticket?: string;
        };
        /** @description What records are looked for */
        SearchRequest: {
            /** @enum {string} */
            by: "customer" | "email" | "phone" | "card_number";
            value: string;
            /**
             * @description what the search is for; required for card_number and accepted only there
             * @enum {string}
             */
            purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            /** @description the reason; stored sealed beside the audit event */
            reason?: string;
            /** @description the ticket or case that asks for it; it is in the audit event in the clear */
            ticket?: string;
            /** @description the name of the authority that asks, never of a person; it is in the audit event in the clear */
            authority?: string;
        };
        /** @description Why a record is erased */
        Erasure: {
            /**
             * @description what the change is for; it is in the audit event
             * @enum {string}
             */
            purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            /** @description the reason; stored sealed beside the audit event */
            reason?: string;
            /** @description the ticket or case that asks for it; it is in the audit event in the clear */
            ticket?: string;
        };
        /** @description What a checkout session is for */
        CheckoutSessionRequest: {
            /**
             * @description the origins of the pages that may show the fields, exactly as the browser sends them
             * @example [
             *       "https://shop.example"
             *     ]
             */
            origins: string[];
            /**
             * @description the shop's own reference for the shopper
             * @example cus_1042
             */
            customer?: string;
            /** @description the version of the privacy policy that the shopper is shown */
            policy_version?: string;
            /** @description the consents that the page asks for, by name */
            consents?: string[];
            /** @description the parts of the checkout that the page asks for; default: the card */
            parts?: ("card" | "billing_address" | "shipping_address" | "contact" | "security_code")[];
            /**
             * Format: uri
             * @description where the hosted page leads back to, at one of the origins
             */
            return_url?: string;
            /** @description the language of the page, as a BCP 47 tag; default: en */
            locale?: string;
            /** @description how long the session is open; default: 30 */
            minutes?: number;
        };
        /** @description What a shopper asks for */
        NewPrivacyRequest: {
            /**
             * @description what the shopper asks for
             * @enum {string}
             */
            kind: "access" | "correct" | "erase" | "withdraw" | "object";
            /**
             * @description the shop's own reference for the shopper
             * @example cus_1042
             */
            customer: string;
            /**
             * @description the law that says until when it must be answered; default: other. `gdpr`: Regulation (EU) 2016/679, Article 12(3); `uk-gdpr`: UK GDPR, Article 12(3); `ccpa`: California Civil Code 1798.130(a)(2); 11 CCR 7026(f), 7027(g): 15 business days, kept as 15 days; `pdpa`: Singapore, Personal Data Protection Regulations 2021, regulation 5; `lgpd`: Brazil, Lei 13.709/2018, Article 19(II); `fadp`: Switzerland, Federal Act on Data Protection, Article 25(7); `pipeda`: Canada, PIPEDA, Schedule 1, clause 4.9.4; section 8(3); `other`: no law named; the shop answers within thirty days
             * @enum {string}
             */
            jurisdiction?: "gdpr" | "uk-gdpr" | "ccpa" | "pdpa" | "lgpd" | "fadp" | "pipeda" | "other";
            identity?: components["schemas"]["IdentityProof"];
            /** @description the person in charge */
            assignee?: string;
            /** @description what the shopper asks for in detail; it is sealed */
            note?: string;
        };
        /** @description How the shop made sure that the shopper is who they say */
        IdentityProof: {
            /**
             * @description how the shopper proved who they are
             * @enum {string}
             */
            method: "signed-in" | "code-to-contact" | "document" | "in-person" | "other";
            /**
             * Format: date-time
             * @description when, RFC 3339
             */
            at: string;
            /** @description the person or program that looked at the proof */
            by: string;
        };
        /** @description What changes of a request */
        PrivacyRequestChange: {
            /**
             * @description `done` and `refused` close the request
             * @enum {string}
             */
            state?: "open" | "in-progress" | "done" | "refused";
            identity?: components["schemas"]["IdentityProof"];
            /** @description the person in charge */
            assignee?: string;
            /** @description what the shopper asks for in detail; it is sealed */
            note?: string;
            /** @description why it is refused, or answered later */
            reason?: string;
            /** @description answers it later, once, where the law allows that; needs `reason` */
            extend?: boolean;
        };
        /** @description What a report is about */
        CustomerReportRequest: {
            /**
             * @description the shop's own reference for the shopper
             * @example cus_1042
             */
            customer: string;
            /**
             * @description only disclosures of this time or of this day (UTC) and later; default: all that the log has
             * @example 2026-11-24T10:00:00Z
             */
            from?: string;
            /**
             * @description only disclosures before this time, or until the end of this day (UTC); default: now
             * @example 2026-11-24T10:00:00Z
             */
            to?: string;
            /** @description the request of the shopper that is answered; values are in full if a proof of identity is recorded there */
            request?: string;
            /**
             * @description whose copy it is; default: shopper. An auditor's copy also names callers, and what must be withheld
             * @enum {string}
             */
            copy?: "shopper" | "auditor";
        };
        /** @description Whose records are erased, and why */
        CustomerErasure: {
            /**
             * @description the shop's own reference for the shopper
             * @example cus_1042
             */
            customer: string;
            /**
             * @description what the change is for; it is in the audit event
             * @enum {string}
             */
            purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            /** @description the reason; stored sealed beside the audit event */
            reason?: string;
            /** @description the ticket or case that asks for it; it is in the audit event in the clear */
            ticket?: string;
        };
        /** @description What a shopper agrees to, and no longer agrees to */
        ConsentChange: {
            /**
             * @description the shop's own reference for the shopper
             * @example cus_1042
             */
            customer: string;
            /** @description the version of the privacy policy that the shopper was shown with it; the records go by it from then on */
            policy_version?: string;
            /** @description what the shopper agrees to, by name */
            give?: components["schemas"]["GivenConsent"][];
            /** @description what the shopper no longer agrees to, by name */
            withdraw?: string[];
        };
        /** @description A consent by its name, or with its wording */
        GivenConsent: string | components["schemas"]["WordedConsent"];
        /** @description A consent with the wording that the shopper agreed to */
        WordedConsent: {
            consent: string;
            /** @description SHA-256 of the wording that the shopper agreed to, in hexadecimal; default: that of the policy */
            wording?: string;
        };
        /** @description The security code of a card */
        SecurityCode: {
            /**
             * @description The token of the card
             * @example card_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            card: string;
            /**
             * @description The security code that is printed on the card
             * @example 123
             */
            code: string;
            /** @description how long it is kept at the most; default: 15 */
            minutes?: number;
        };
        /** @description What is sent to a destination */
        ForwardRequest: {
            /** @description the name of a destination of the set in force */
            destination: string;
            /** @enum {string} */
            purpose: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
            tokens: components["schemas"]["ForwardTokens"];
            /** @description what the template of the destination asks for, such as `amount` */
            input?: {
                [key: string]: unknown;
            };
            /** @description headers that the destination lets a caller add */
            headers?: {
                [key: string]: string;
            };
            /**
             * @description one of the methods of the destination; default: its first
             * @enum {string}
             */
            method?: "POST" | "PUT" | "PATCH";
            /** @description the name of a kept security code of the card; it is used up */
            security_code?: string;
            /** @description show the request with its values masked, and send nothing */
            dry_run?: boolean;
            /** @description send again what has an unknown outcome, with the same Idempotency-Key; the destination may do it twice */
            resend?: boolean;
        };
        /** @description The records that go along, by what they are used for */
        ForwardTokens: {
            card?: string;
            billing_address?: string;
            shipping_address?: string;
            contact?: string;
        };
        AccessToken: {
            access_token: string;
            /** @description How to send it in the Authorization header */
            token_type: "Bearer" | "DPoP" | (string & {});
            /** @description Seconds, at most 300 */
            expires_in: number;
            /** @description The scopes of the token, with spaces */
            scope: string;
        };
        /** @description RFC 6749 section 5.2, with the members of a problem beside */
        TokenError: {
            /** @description The code of RFC 6749 section 5.2 */
            error: string;
            error_description: string;
            /**
             * Format: uri
             * @description The page that explains the code
             */
            type: string;
            /** @description The code as a sentence for a person. Titles may change */
            title: string;
            /** @description The HTTP status */
            status: number;
            /** @description What is wrong with this request. It never quotes the request */
            detail?: string;
            /** @description What went wrong, for a program. New codes may come */
            code: "malformed-request" | "malformed-json" | "malformed-url" | "query-not-accepted" | "method-not-allowed" | "not-found" | "request-timeout" | "body-too-large" | "unsupported-media-type" | "wrong-host" | "headers-too-large" | "unknown-transfer-coding" | "invalid-client" | "invalid-token-request" | "unauthenticated" | "scope-missing" | "purpose-not-permitted" | "fields-not-permitted" | "purpose-not-notified" | "consent-missing" | "condition-not-met" | "approval-required" | "own-request" | "contract-ended" | "caller-suspended" | "origin-not-allowed" | "attempts-spent" | "card-search-off" | "too-many-requests" | "budget-spent" | "invalid-input" | "unknown-member" | "sensitive-authentication-data" | "invalid-card-number" | "card-expired" | "card-number-in-text" | "unknown-policy-version" | "test-card-required" | "invalid-idempotency-key" | "idempotency-key-reused" | "record-not-found" | "session-not-found" | "session-expired" | "session-used" | "policy-not-found" | "privacy-request-not-found" | "privacy-request-closed" | "security-code-not-found" | "event-not-found" | "approval-not-found" | "approval-decided" | "approval-changed" | "record-gone" | "erasure-postponed" | "event-dropped" | "request-in-flight" | "record-changed" | "destination-not-found" | "destination-unavailable" | "destination-timeout" | "forward-outcome-unknown" | "record-integrity" | "internal" | "database-unavailable" | "log-pending" | "schema-changed" | "audit-unavailable" | "audit-log-changed" | "restored-backup" | "issuer-unavailable" | "sealed" | "key-expired" | "busy" | "shutting-down" | (string & {});
            /** @description As in the header `Request-Id` */
            request_id: string;
            /** @description The members of the body that are wrong, at most 100 */
            errors?: components["schemas"]["InputError"][];
        };
        /**
         * @description A member of the body that is wrong. `pointer` is a JSON pointer in its URI fragment form (RFC 6901)
         * @example {
         *       "pointer": "#/card/number",
         *       "detail": "has a wrong check digit"
         *     }
         */
        InputError: {
            pointer: string;
            detail: string;
        };
        JwkSet: {
            keys: components["schemas"]["Jwk"][];
        };
        /** @description A public key (RFC 7517) */
        Jwk: {
            kty: string;
            kid: string;
            use: string;
            alg: string;
            crv: string;
            x: string;
            y: string;
        };
        /** @description Why a request was refused or failed (RFC 9457) */
        Problem: {
            /**
             * Format: uri
             * @description The page that explains the code
             */
            type: string;
            /** @description The code as a sentence for a person. Titles may change */
            title: string;
            /** @description The HTTP status */
            status: number;
            /** @description What is wrong with this request. It never quotes the request */
            detail?: string;
            /** @description What went wrong, for a program. New codes may come */
            code: "malformed-request" | "malformed-json" | "malformed-url" | "query-not-accepted" | "method-not-allowed" | "not-found" | "request-timeout" | "body-too-large" | "unsupported-media-type" | "wrong-host" | "headers-too-large" | "unknown-transfer-coding" | "invalid-client" | "invalid-token-request" | "unauthenticated" | "scope-missing" | "purpose-not-permitted" | "fields-not-permitted" | "purpose-not-notified" | "consent-missing" | "condition-not-met" | "approval-required" | "own-request" | "contract-ended" | "caller-suspended" | "origin-not-allowed" | "attempts-spent" | "card-search-off" | "too-many-requests" | "budget-spent" | "invalid-input" | "unknown-member" | "sensitive-authentication-data" | "invalid-card-number" | "card-expired" | "card-number-in-text" | "unknown-policy-version" | "test-card-required" | "invalid-idempotency-key" | "idempotency-key-reused" | "record-not-found" | "session-not-found" | "session-expired" | "session-used" | "policy-not-found" | "privacy-request-not-found" | "privacy-request-closed" | "security-code-not-found" | "event-not-found" | "approval-not-found" | "approval-decided" | "approval-changed" | "record-gone" | "erasure-postponed" | "event-dropped" | "request-in-flight" | "record-changed" | "destination-not-found" | "destination-unavailable" | "destination-timeout" | "forward-outcome-unknown" | "record-integrity" | "internal" | "database-unavailable" | "log-pending" | "schema-changed" | "audit-unavailable" | "audit-log-changed" | "restored-backup" | "issuer-unavailable" | "sealed" | "key-expired" | "busy" | "shutting-down" | (string & {});
            /** @description As in the header `Request-Id` */
            request_id: string;
            /** @description The members of the body that are wrong, at most 100 */
            errors?: components["schemas"]["InputError"][];
            /** @description With `approval-required`: the id of the request that waits */
            approval?: string;
            /** @description In a result of `POST /v1/reveal`: the record that it concerns */
            token?: string;
        };
        /** @description RFC 8414 */
        AuthorizationServerMetadata: {
            /** Format: uri */
            issuer: string;
            /** Format: uri */
            token_endpoint: string;
            /** Format: uri */
            jwks_uri: string;
            grant_types_supported: string[];
            response_types_supported: string[];
            token_endpoint_auth_methods_supported: string[];
            token_endpoint_auth_signing_alg_values_supported: string[];
            tls_client_certificate_bound_access_tokens?: boolean;
            dpop_signing_alg_values_supported: string[];
            scopes_supported: string[];
            subject_types_supported?: string[];
            id_token_signing_alg_values_supported?: string[];
        };
        /** @description RFC 9728 */
        ProtectedResourceMetadata: {
            /** Format: uri */
            resource: string;
            resource_name: string;
            /** Format: uri */
            resource_documentation: string;
            authorization_servers: string[];
            scopes_supported: string[];
            bearer_methods_supported: string[];
            dpop_signing_alg_values_supported: string[];
            tls_client_certificate_bound_access_tokens?: boolean;
        };
        /** @description The token and the masked view of each part that was sent */
        TokenizedCheckout: {
            /** @description As it was sent */
            customer?: string;
            card?: components["schemas"]["MaskedCard"];
            billing_address?: components["schemas"]["MaskedAddress"];
            shipping_address?: components["schemas"]["MaskedAddress"];
            contact?: components["schemas"]["MaskedContact"];
            /** @description In a checkout session: the consents that the shopper gave */
            consents_given?: string[];
            /** @description In a checkout session that asks for it: the name of the code */
            security_code?: components["schemas"]["KeptSecurityCode"];
        };
        /** @description The masked view of a record of the kind `card` */
        MaskedCard: {
            /**
             * @description The token of the record
             * @example card_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "card";
            /**
             * @description Brand of the card
             * @example visa
             */
            brand: "amex" | "diners" | "discover" | "elo" | "hiper" | "hipercard" | "jcb" | "maestro" | "mastercard" | "mir" | "naranja" | "rupay" | "troy" | "unionpay" | "verve" | "visa" | "unknown" | (string & {});
            /**
             * @description Last four digits
             * @example 4242
             */
            last4: string;
            /**
             * @description Month of expiry
             * @example 12
             */
            exp_month: number;
            /**
             * @description Year of expiry, four digits
             * @example 2031
             */
            exp_year: number;
            /**
             * @description First six digits, for roles that may see them
             * @example 424242
             */
            bin?: string;
            /**
             * @description The shop's own reference for the shopper
             * @example cus_1042
             */
            customer?: string;
            /**
             * @description The version of the privacy policy that the shopper was shown
             * @example 2026-11-01
             */
            policy_version?: string;
            /**
             * @description Grows with each correction
             * @example 1
             */
            version: number;
            /**
             * Format: date-time
             * @description When the record was stored
             * @example 2026-11-24T10:00:00.000Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was last corrected
             * @example 2026-11-24T10:00:00.000Z
             */
            updated_at: string;
        };
        /** @description The masked view of a record of the kind `address` */
        MaskedAddress: {
            /**
             * @description The token of the record
             * @example addr_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "address";
            /** @description What it is used for */
            use?: "billing" | "shipping" | (string & {});
            /**
             * @description ISO 3166-1 alpha-2
             * @example SG
             */
            country: string;
            /** @description State, province or prefecture */
            region?: string;
            /**
             * @description The part of the postal code that names an area
             * @example 048
             */
            postal_area?: string;
            /**
             * @description Initials of the name
             * @example T.M.L.
             */
            initials?: string;
            /**
             * @description The shop's own reference for the shopper
             * @example cus_1042
             */
            customer?: string;
            /**
             * @description The version of the privacy policy that the shopper was shown
             * @example 2026-11-01
             */
            policy_version?: string;
            /**
             * @description Grows with each correction
             * @example 1
             */
            version: number;
            /**
             * Format: date-time
             * @description When the record was stored
             * @example 2026-11-24T10:00:00.000Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was last corrected
             * @example 2026-11-24T10:00:00.000Z
             */
            updated_at: string;
        };
        /** @description The masked view of a record of the kind `contact` */
        MaskedContact: {
            /**
             * @description The token of the record
             * @example cont_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "contact";
            /**
             * @description The e-mail address with most of it hidden
             * @example m•••@example.sg
             */
            email?: string;
            /**
             * @description The telephone number with all but its last two digits hidden
             * @example ••••56
             */
            phone?: string;
            /**
             * @description Initials of the name
             * @example T.M.L.
             */
            initials?: string;
            /**
             * @description The shop's own reference for the shopper
             * @example cus_1042
             */
            customer?: string;
            /**
             * @description The version of the privacy policy that the shopper was shown
             * @example 2026-11-01
             */
            policy_version?: string;
            /**
             * @description Grows with each correction
             * @example 1
             */
            version: number;
            /**
             * Format: date-time
             * @description When the record was stored
             * @example 2026-11-24T10:00:00.000Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was last corrected
             * @example 2026-11-24T10:00:00.000Z
             */
            updated_at: string;
        };
        /** @description The name of a security code that is kept for one use */
        KeptSecurityCode: {
            /**
             * @description The name of the code, for a forward
             * @example cvc_0123456789abcdefghjkmnpqrs
             */
            security_code: string;
            /**
             * Format: date-time
             * @description Until when it can be used, in UTC
             */
            expires_at: string;
        };
        TokenizedBatch: {
            results: components["schemas"]["TokenizeResult"][];
        };
        /** @description What became of one checkout of a batch */
        TokenizeResult: components["schemas"]["TokenizeSuccess"] | components["schemas"]["Problem"];
        /** @description A checkout of a batch that was stored */
        TokenizeSuccess: {
            /** @constant */
            status: 201;
            /** @description As it was sent */
            customer?: string;
            card?: components["schemas"]["MaskedCard"];
            billing_address?: components["schemas"]["MaskedAddress"];
            shipping_address?: components["schemas"]["MaskedAddress"];
            contact?: components["schemas"]["MaskedContact"];
        };
        /** @description What a reveal released; `kind` says of which kind of record */
        Release: components["schemas"]["CardRelease"] | components["schemas"]["AddressRelease"] | components["schemas"]["ContactRelease"];
        /** @description What a reveal of a record of the kind `card` released */
        CardRelease: {
            /**
             * @description The token of the record
             * @example card_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "card";
            data: components["schemas"]["RevealedCard"];
            /** @description The id of the audit event that records the release */
            event: string;
        };
        /** @description The granted fields that a record of the kind `card` has, and no others */
        RevealedCard: {
            /**
             * @description Card number, digits only
             * @example 4242424242424242
             */
            number?: string;
            /**
             * @description Month of expiry
             * @example 12
             */
            exp_month?: number;
            /**
             * @description Year of expiry, four digits
             * @example 2031
             */
            exp_year?: number;
            /**
             * @description Name on the card
             * @example Tan Mei Ling
             */
            holder_name?: string;
            /**
             * @description Brand of the card
             * @example visa
             */
            brand?: "amex" | "diners" | "discover" | "elo" | "hiper" | "hipercard" | "jcb" | "maestro" | "mastercard" | "mir" | "naranja" | "rupay" | "troy" | "unionpay" | "verve" | "visa" | "unknown" | (string & {});
            /**
             * @description Last four digits
             * @example 4242
             */
            last4?: string;
            /**
             * @description First six digits, for roles that may see them
             * @example 424242
             */
            bin?: string;
        };
        /** @description What a reveal of a record of the kind `address` released */
        AddressRelease: {
            /**
             * @description The token of the record
             * @example addr_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "address";
            data: components["schemas"]["RevealedAddress"];
            /** @description The id of the audit event that records the release */
            event: string;
        };
        /** @description The granted fields that a record of the kind `address` has, and no others */
        RevealedAddress: {
            /**
             * @description First line, as it is written on an envelope
             * @example 1 Raffles Place
             */
            line1?: string;
            /**
             * @description ISO 3166-1 alpha-2
             * @example SG
             */
            country?: string;
            /**
             * @description Addressee
             * @example Tan Mei Ling
             */
            name?: string;
            /** @description Company or organisation */
            company?: string;
            /**
             * @description Second line
             * @example #20-61
             */
            line2?: string;
            /** @description Part of a city */
            district?: string;
            /**
             * @description City or town
             * @example Singapore
             */
            city?: string;
            /** @description State, province or prefecture */
            region?: string;
            /**
             * @description Postal code
             * @example 048616
             */
            postal_code?: string;
            /** @description Telephone number, stored as sent and in E.164 */
            phone?: string;
            /** @description Instructions for the delivery */
            instructions?: string;
            /**
             * @description Telephone number in E.164
             * @example +6561234567
             */
            phone_e164?: string;
            /**
             * @description The part of the postal code that names an area
             * @example 048
             */
            postal_area?: string;
            /**
             * @description Initials of the name
             * @example T.M.L.
             */
            initials?: string;
        };
        /** @description What a reveal of a record of the kind `contact` released */
        ContactRelease: {
            /**
             * @description The token of the record
             * @example cont_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "contact";
            data: components["schemas"]["RevealedContact"];
            /** @description The id of the audit event that records the release */
            event: string;
        };
        /** @description The granted fields that a record of the kind `contact` has, and no others */
        RevealedContact: {
            /**
             * @description Full name
             * @example Tan Mei Ling
             */
            name?: string;
            /**
             * Format: email
             * @description E-mail address
             * @example mei@example.sg
             */
            email?: string;
            /**
             * @description Telephone number with + and country code
             * @example +65 6123 4567
             */
            phone?: string;
            /**
             * @description Telephone number in E.164
             * @example +6561234567
             */
            phone_e164?: string;
            /**
             * @description The e-mail address with most of it hidden
             * @example m•••@example.sg
             */
            email_masked?: string;
            /**
             * @description The last two digits of the telephone number
             * @example 56
             */
            phone_last2?: string;
            /**
             * @description Initials of the name
             * @example T.M.L.
             */
            initials?: string;
        };
        RevealResults: {
            results: components["schemas"]["RevealResult"][];
        };
        /** @description What became of one of several records: its release, or why there is none */
        RevealResult: components["schemas"]["CardReleaseResult"] | components["schemas"]["AddressReleaseResult"] | components["schemas"]["ContactReleaseResult"] | components["schemas"]["Problem"];
        /** @description The release of one of several records */
        CardReleaseResult: {
            /** @constant */
            status: 200;
            /**
             * @description The token of the record
             * @example card_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /** @constant */
            kind: "card";
            data: components["schemas"]["RevealedCard"];
            /** @description The id of the audit event that records the release */
            event: string;
        };
        /** @description The release of one of several records */
        AddressReleaseResult: {
            /** @constant */
            status: 200;
            /**
             * @description The token of the record
             * @example addr_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /** @constant */
            kind: "address";
            data: components["schemas"]["RevealedAddress"];
            /** @description The id of the audit event that records the release */
            event: string;
        };
        /** @description The release of one of several records */
        ContactReleaseResult: {
            /** @constant */
            status: 200;
            /**
             * @description The token of the record
             * @example cont_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /** @constant */
            kind: "contact";
            data: components["schemas"]["RevealedContact"];
            /** @description The id of the audit event that records the release */
            event: string;
        };
        /** @description What was released to the key of a partner */
        PartnerRelease: {
            /**
             * @description The token of the record
             * @example addr_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            kind: "card" | "address" | "contact" | (string & {});
            /** @description The answer of a reveal as a JWE (RFC 7516) that only the partner opens */
            jwe: string;
            /** @description The id of the audit event that records the release */
            event: string;
        };
        ApprovalPage: {
            approvals: components["schemas"]["Approval"][];
            /** @description What to pass as `after` for the next page; null at the end */
            next: string | null;
        };
        /** @description A release that needs a second person, or a review after break-glass */
        Approval: {
            /**
             * @description The id of the request
             * @example apr_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            id: string;
            state: "pending" | "approved" | "refused" | "used" | "unreviewed" | "reviewed" | (string & {});
            /** @description Who asks */
            caller: string;
            /** @description Their role */
            role: string;
            site: string;
            /** @description The record that they ask for */
            token: string;
            /** @description Its version; null for a request of an older vault */
            record_version: number | null;
            /** @description What they ask to see of it */
            fields: string[];
            purpose: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented" | (string & {});
            ticket?: string;
            authority?: string;
            /** @description The partner to whose key it would leave; left out: it leaves to the caller */
            partner?: string;
            /** Format: date-time */
            requested_at: string;
            /**
             * Format: date-time
             * @description Until when it can be approved or, once it is, used
             */
            expires_at: string;
            decided_by: string | null;
            /** Format: date-time */
            decided_at: string | null;
        };
        /** @description A request with its reason and the masked view of its record */
        ShownApproval: {
            /**
             * @description The id of the request
             * @example apr_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            id: string;
            state: "pending" | "approved" | "refused" | "used" | "unreviewed" | "reviewed" | (string & {});
            /** @description Who asks */
            caller: string;
            /** @description Their role */
            role: string;
            site: string;
            /** @description The record that they ask for */
            token: string;
            /** @description Its version; null for a request of an older vault */
            record_version: number | null;
            /** @description What they ask to see of it */
            fields: string[];
            purpose: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented" | (string & {});
            ticket?: string;
            authority?: string;
            /** @description The partner to whose key it would leave; left out: it leaves to the caller */
            partner?: string;
            /** Format: date-time */
            requested_at: string;
            /**
             * Format: date-time
             * @description Until when it can be approved or, once it is, used
             */
            expires_at: string;
            decided_by: string | null;
            /** Format: date-time */
            decided_at: string | null;
            /** @description Why they ask */
            reason?: string;
            record: components["schemas"]["MaskedRecord"];
        };
        /** @description The masked view of a record; `kind` says of which kind */
        MaskedRecord: components["schemas"]["MaskedCard"] | components["schemas"]["MaskedAddress"] | components["schemas"]["MaskedContact"];
        ApprovalDecision: {
            /**
             * @description The id of the request
             * @example apr_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            id: string;
            state: "pending" | "approved" | "refused" | "used" | "unreviewed" | "reviewed" | (string & {});
        };
        MatchAnswer: {
            matches: boolean;
        };
        /** @description The masked view of a record after its correction; `kind` says of which kind */
        CorrectedRecord: components["schemas"]["CorrectedCard"] | components["schemas"]["CorrectedAddress"] | components["schemas"]["CorrectedContact"];
        /** @description A corrected record of the kind `card` */
        CorrectedCard: {
            /**
             * @description The token of the record
             * @example card_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "card";
            /**
             * @description Brand of the card
             * @example visa
             */
            brand: "amex" | "diners" | "discover" | "elo" | "hiper" | "hipercard" | "jcb" | "maestro" | "mastercard" | "mir" | "naranja" | "rupay" | "troy" | "unionpay" | "verve" | "visa" | "unknown" | (string & {});
            /**
             * @description Last four digits
             * @example 4242
             */
            last4: string;
            /**
             * @description Month of expiry
             * @example 12
             */
            exp_month: number;
            /**
             * @description Year of expiry, four digits
             * @example 2031
             */
            exp_year: number;
            /**
             * @description First six digits, for roles that may see them
             * @example 424242
             */
            bin?: string;
            /**
             * @description The shop's own reference for the shopper
             * @example cus_1042
             */
            customer?: string;
            /**
             * @description The version of the privacy policy that the shopper was shown
             * @example 2026-11-01
             */
            policy_version?: string;
            /**
             * @description Grows with each correction
             * @example 1
             */
            version: number;
            /**
             * Format: date-time
             * @description When the record was stored
             * @example 2026-11-24T10:00:00.000Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was last corrected
             * @example 2026-11-24T10:00:00.000Z
             */
            updated_at: string;
            /** @description The partners that were given an old value within a year; a notice to each is queued */
            disclosed_to?: {
                /** @description The id of the partner */
                partner: string;
                name: string;
                /** @description ISO 3166-1 alpha-2 */
                country: string;
            }[];
        };
        /** @description A corrected record of the kind `address` */
        CorrectedAddress: {
            /**
             * @description The token of the record
             * @example addr_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "address";
            /** @description What it is used for */
            use?: "billing" | "shipping" | (string & {});
            /**
             * @description ISO 3166-1 alpha-2
             * @example SG
             */
            country: string;
            /** @description State, province or prefecture */
            region?: string;
            /**
             * @description The part of the postal code that names an area
             * @example 048
             */
            postal_area?: string;
            /**
             * @description Initials of the name
             * @example T.M.L.
             */
            initials?: string;
            /**
             * @description The shop's own reference for the shopper
             * @example cus_1042
             */
            customer?: string;
            /**
             * @description The version of the privacy policy that the shopper was shown
             * @example 2026-11-01
             */
            policy_version?: string;
            /**
             * @description Grows with each correction
             * @example 1
             */
            version: number;
            /**
             * Format: date-time
             * @description When the record was stored
             * @example 2026-11-24T10:00:00.000Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was last corrected
             * @example 2026-11-24T10:00:00.000Z
             */
            updated_at: string;
            /** @description The partners that were given an old value within a year; a notice to each is queued */
            disclosed_to?: {
                /** @description The id of the partner */
                partner: string;
                name: string;
                /** @description ISO 3166-1 alpha-2 */
                country: string;
            }[];
        };
        /** @description A corrected record of the kind `contact` */
        CorrectedContact: {
            /**
             * @description The token of the record
             * @example cont_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            token: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "contact";
            /**
             * @description The e-mail address with most of it hidden
             * @example m•••@example.sg
             */
            email?: string;
            /**
             * @description The telephone number with all but its last two digits hidden
             * @example ••••56
             */
            phone?: string;
            /**
             * @description Initials of the name
             * @example T.M.L.
             */
            initials?: string;
            /**
             * @description The shop's own reference for the shopper
             * @example cus_1042
             */
            customer?: string;
            /**
             * @description The version of the privacy policy that the shopper was shown
             * @example 2026-11-01
             */
            policy_version?: string;
            /**
             * @description Grows with each correction
             * @example 1
             */
            version: number;
            /**
             * Format: date-time
             * @description When the record was stored
             * @example 2026-11-24T10:00:00.000Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was last corrected
             * @example 2026-11-24T10:00:00.000Z
             */
            updated_at: string;
            /** @description The partners that were given an old value within a year; a notice to each is queued */
            disclosed_to?: {
                /** @description The id of the partner */
                partner: string;
                name: string;
                /** @description ISO 3166-1 alpha-2 */
                country: string;
            }[];
        };
        SearchResults: {
            results: components["schemas"]["FoundRecord"][];
            /** @description Whether there are more than these */
            truncated: boolean;
        };
        /** @description The masked view of a record, or the code of the problem with it */
        FoundRecord: components["schemas"]["MaskedCard"] | components["schemas"]["MaskedAddress"] | components["schemas"]["MaskedContact"] | components["schemas"]["DamagedRecord"];
        /** @description A record that does not open, with the code of the problem */
        DamagedRecord: {
            token: string;
            kind: string;
            code: "record-integrity" | (string & {});
        };
        /** @description A session, and the token for its page */
        OpenedCheckoutSession: {
            /** @description the id of the session */
            id: string;
            /** @description for the page that shows the fields; it can store one checkout, and nothing else */
            token: string;
            /**
             * Format: uri
             * @description the hosted page, for the shopper
             */
            url: string;
            /**
             * Format: date-time
             * @description when the session ends, in UTC
             */
            expires_at: string;
        };
        /** @description The state of a checkout session */
        CheckoutSession: {
            /** @description the id of the session */
            id: string;
            state: "open" | "completed" | "expired" | (string & {});
            tokens: components["schemas"]["CheckoutSessionTokens"];
            /** @description the consents that the shopper gave */
            consents_given: string[];
            /**
             * Format: date-time
             * @description when the session ends, in UTC
             */
            expires_at: string;
        };
        /** @description The token and the masked view of each part that was stored */
        CheckoutSessionTokens: {
            card?: components["schemas"]["MaskedCard"];
            billing_address?: components["schemas"]["MaskedAddress"];
            shipping_address?: components["schemas"]["MaskedAddress"];
            contact?: components["schemas"]["MaskedContact"];
            /** @description In a checkout session that asks for it: the name of the code */
            security_code?: components["schemas"]["KeptSecurityCode"];
        };
        /** @description A request of a shopper */
        PrivacyRequest: {
            /**
             * @description the id of the request
             * @example privacy_3v8m2q7x0k5n1r6t9w4y2b8d3f
             */
            id: string;
            kind: "access" | "correct" | "erase" | "withdraw" | "object" | (string & {});
            /** @description the shop's own reference for the shopper */
            customer: string;
            jurisdiction: "gdpr" | "uk-gdpr" | "ccpa" | "pdpa" | "lgpd" | "fadp" | "pipeda" | "other" | (string & {});
            state: "open" | "in-progress" | "done" | "refused" | (string & {});
            /** @description how identity was proved; left out while it was not */
            identity?: {
                method: "signed-in" | "code-to-contact" | "document" | "in-person" | "other" | (string & {});
                at: string;
                by: string;
            };
            assignee?: string;
            note?: string;
            reason?: string;
            /**
             * Format: date-time
             * @example 2026-11-24T10:00:00.000Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description until when it must be answered
             * @example 2026-11-24T10:00:00.000Z
             */
            due_at: string;
            /**
             * Format: date-time
             * @example 2026-11-24T10:00:00.000Z
             */
            closed_at?: string;
            /** @description whether it should have been answered by now */
            overdue: boolean;
        };
        PrivacyRequestPage: {
            requests: components["schemas"]["PrivacyRequest"][];
            /** @description What to pass as `after` for the next page; null at the end */
            next: string | null;
        };
        /** @description What became of the records of a customer */
        CustomerErased: {
            /** @description As it was sent */
            customer: string;
            /** @description how many records are gone; their tokens are answered with 410 from now on */
            erased: number;
            /** @description how many records a hold keeps; they are erased once it is released */
            postponed: number;
            /** @description the id of the audit event of the whole; each record has its own */
            event: string;
        };
        /** @description A version of the privacy policy, as JSON-LD with terms of W3C DPV */
        PrivacyPolicy: {
            /** @description which member means which term (JSON-LD) */
            "@context": unknown;
            /** @description where the version is */
            "@id": string;
            /** @description a term of DPV */
            "@type": string;
            /** @example 2026-11-01 */
            version: string;
            title: string;
            /** @description a BCP 47 tag */
            language: string;
            /** @description of the file that was published, in hexadecimal */
            sha256: string;
            /** Format: date-time */
            published_at: string;
            controller: components["schemas"]["PolicyController"];
            data: components["schemas"]["PolicyData"][];
            purposes: components["schemas"]["PolicyPurpose"][];
            recipients: components["schemas"]["PolicyRecipients"][];
            /** @description how long a card is kept without the consent store-card */
            settlement_days: number;
            changes?: components["schemas"]["PolicyChanges"];
            /** @description the policy for people, in Markdown */
            text: string;
        };
        /** @description Who is responsible for the data */
        PolicyController: {
            /** @description a term of DPV */
            "@type": string;
            name: string;
            contact: string;
            country: string;
        };
        /** @description What is collected as records of a kind */
        PolicyData: {
            kind: "card" | "address" | "contact" | (string & {});
            "@type": string[];
            description: string;
        };
        /** @description What data is used for, and on which legal basis */
        PolicyPurpose: {
            purpose: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented" | "store-card" | (string & {});
            /** @description a term of DPV */
            "@type": string;
            legal_basis: "consent" | "contract" | "legal-obligation" | "vital-interest" | "public-task" | "legitimate-interest" | (string & {});
            /** @description a term of DPV */
            legal_basis_term: string;
            /** @description whether a record must carry the consent of this name */
            consent: boolean;
            data: ("card" | "address" | "contact" | (string & {}))[];
            recipients: string[];
            retention_days: components["schemas"]["RetentionDays"];
            description?: string;
        };
        /** @description How long a record of a kind may be kept, from its storing */
        RetentionDays: {
            card?: number;
            address?: number;
            contact?: number;
        };
        /** @description A class of parties that data is disclosed to */
        PolicyRecipients: {
            recipients: string;
            /** @description a term of DPV */
            "@type": string;
            description: string;
            countries: string[];
        };
        /** @description What the version before said otherwise */
        PolicyChanges: {
            /** @description the version before */
            since: string;
            differences: components["schemas"]["PolicyDifference"][];
        };
        /** @description One difference from the version before */
        PolicyDifference: {
            pointer: string;
            change: "added" | "removed" | "changed" | (string & {});
            text: string;
        };
        /** @description The keys that verify receipts of consents */
        ReceiptKeys: {
            keys: components["schemas"]["MessageKey"][];
        };
        /** @description A public key (RFC 7517, RFC 8037) */
        MessageKey: {
            /** @constant */
            kty: "OKP";
            /** @constant */
            crv: "Ed25519";
            x: string;
            /** @description The SHA-256 thumbprint of the key (RFC 7638), by which a signature names it */
            kid: string;
            /** @constant */
            use: "sig";
            /** @constant */
            alg: "EdDSA";
        };
        /** @description The consents of a customer after a change */
        ConsentsChanged: {
            /** @description As it was sent */
            customer: string;
            /** @description how many records of the customer there are */
            records: number;
            /** @description how many of them have other consents than before */
            changed: number;
            /** @description how many cards were erased, because the consent to keep them was withdrawn */
            erased: number;
            /** @description what the customer agrees to now, on at least one record */
            consents: string[];
            /** @description the receipt for the shopper (ISO/IEC TS 27560), as a compact JWS; GET /v1/privacy-policy/receipt-keys verifies it */
            receipt: string;
            /** @description the id of the audit event of the receipt */
            event: string;
        };
        /** @description What a destination answered; of a dry run the request */
        ForwardResult: components["schemas"]["ForwardAnswer"] | components["schemas"]["ForwardPreview"];
        /** @description What a destination answered */
        ForwardAnswer: {
            /** @description the status with which the destination answered */
            status: number;
            /** @description the headers that the destination names */
            headers: {
                [key: string]: string;
            };
            /** @description the members that the destination names, as JSON, without the number, the code and the secrets that were sent */
            body: unknown;
            /** @description the id of the audit event that records the release */
            event: string;
        };
        /** @description A request that was not sent */
        ForwardPreview: {
            /** @description values are masked, and secrets have their names */
            request: {
                method: string;
                url: string;
                headers: {
                    [key: string]: string;
                };
                body: {
                    [key: string]: unknown;
                };
            };
            /** @description the id of the audit event that records the preview */
            event: string;
        };
        AuditEventPage: {
            events: components["schemas"]["AuditEvent"][];
            /** @description What to pass as `after` for the next page; null at the end */
            next: string | null;
        };
        /** @description What one release, read, change, refusal or command left in the log */
        AuditEvent: {
            /** @description It begins with the time */
            id: string;
            /** Format: date-time */
            at: string;
            type: "record.tokenize" | "record.read" | "record.reveal" | "record.forward" | "record.release" | "record.match" | "record.correct" | "record.erase-intent" | "record.erase" | "customer.erase" | "customer.report" | "record.search" | "consent.give" | "consent.withdraw" | "consent.receipt" | "request.refuse" | "request.replay" | "forward.outcome" | "forward.preview" | "session.open" | "session.complete" | "session.expire" | "privacy-request.open" | "privacy-request.read" | "privacy-request.change" | "notice.queue" | "notice.deliver" | "withholding.order" | "withholding.end" | "security-code.keep" | "token.issue" | "client.add" | "client.rotate-secret" | "client.replace-keys" | "client.end-credential" | "client.revoke" | "staff.disable" | "staff.enable" | "partner.add" | "partner.replace-keys" | "partner.end" | "roles.apply" | "policy.publish" | "policy.adopt" | "destinations.apply" | "destinations.set-secret" | "destinations.remove-secret" | "access.explain" | "access.review" | "access.rebuild" | "approval.list" | "approval.request" | "approval.break-glass" | "approval.approve" | "approval.refuse" | "approval.review" | "caller.suspend" | "caller.lift" | "key.create" | "key.promote" | "key.deactivate" | "key.compromise" | "key.destroy" | "key.retire" | "key.close" | "key.reopen" | "key.certify" | "root-key.replace" | "root-key.acknowledge" | "root-key.share" | "keys.rotate" | "erasure.certify" | "retention.run" | "retention.enable" | "retention.disable" | "hold.add" | "hold.release" | "records.verify" | "audit.read" | "audit.acknowledge" | "audit.key" | "audit.start" | "audit.stop" | "audit.gap" | "audit.drop" | "audit.missing" | "audit.resume" | "audit.unproven" | "restore.apply" | "restore.waive" | "migrate" | "schema.accept" | (string & {});
            outcome: "success" | "refused" | "failed" | (string & {});
            format: number;
            caller?: components["schemas"]["AuditCaller"];
            site?: string;
            /** @description Where it came from */
            source?: string;
            account?: string;
            request_id?: string;
            token?: string;
            tokens?: string[];
            kind?: string;
            purpose?: string;
            fields?: string[];
            search_by?: string;
            /** @description The code of the problem of a refusal or a failure */
            code?: string;
            route?: string;
            approval?: string;
            authority?: string;
            ticket?: string;
            partner?: string;
            policy_version?: string;
            record_version?: number;
            replay_of?: string;
            reason?: string;
            note?: string;
            subject?: string;
            count?: number;
            checkpoints?: string;
            events?: string[];
            status?: number;
            milliseconds?: number;
            address?: string;
            migrations?: string[];
            minimum_index?: number;
            missing?: string[];
            public_key?: string;
            ranges?: string[];
            schema?: string;
            since?: string;
            until?: string;
            sources?: string[];
            vouched?: boolean;
            unproven?: boolean;
            /** @description True while the vault cannot authenticate the event */
            unverified?: boolean;
            made?: components["schemas"]["EventOrigin"];
        };
        /** @description Who did it */
        AuditCaller: {
            id: string;
            kind: "client" | "staff" | "operator" | "vault" | (string & {});
            role?: string;
        };
        /** @description Which process made the event, and as its how-manieth */
        EventOrigin: {
            process: string;
            number: number;
            settled?: number;
            skipped?: string[];
            lost?: string[];
        };
        MinimumIndex: {
            minimum_index: number;
        };
        /** @description What proves, without the vault, that an event is in the log */
        Receipt: {
            /** @constant */
            format: 1;
            event: components["schemas"]["AuditEvent"];
            /** @description the canonical text of the event, RFC 8785: the bytes of the leaf */
            body: string;
            /** @description the number of the leaf */
            index: number;
            /** @description the inclusion proof of RFC 9162 section 2.1.3, base64 */
            proof: string[];
            /** @description the signed note that the proof leads to */
            checkpoint: string;
        };
        MessageKeyDirectory: {
            keys: components["schemas"]["MessageKey"][];
        };
        Health: {
            status: string;
        };
    };
    responses: never;
    parameters: {
        /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
        IdempotencyKey: string;
    };
    requestBodies: never;
    headers: {
        /** @description Names the request in the log of the vault and in its audit events */
        "Request-Id": string;
        /** @description The seconds after which the same request may succeed (RFC 9110 section 10.2.3) */
        "Retry-After": number;
        /** @description The credentials that are asked for (RFC 9110 section 11.6.1, RFC 9449 section 7.1, RFC 9728 section 5.1) */
        "WWW-Authenticate": string;
        /** @description Present when the answer repeats that of an earlier request with the same Idempotency-Key */
        "Idempotent-Replayed": "true";
    };
    pathItems: never;
}
export type TokenRequest = components['schemas']['TokenRequest'];
export type Checkout = components['schemas']['Checkout'];
export type Card = components['schemas']['Card'];
export type Address = components['schemas']['Address'];
export type Contact = components['schemas']['Contact'];
export type CheckoutBatch = components['schemas']['CheckoutBatch'];
export type RevealRequest = components['schemas']['RevealRequest'];
export type RevealManyRequest = components['schemas']['RevealManyRequest'];
export type RevealItem = components['schemas']['RevealItem'];
export type PartnerReleaseRequest = components['schemas']['PartnerReleaseRequest'];
export type MatchRequest = components['schemas']['MatchRequest'];
export type MatchByValues = components['schemas']['MatchByValues'];
export type ComparedValues = components['schemas']['ComparedValues'];
export type Place = components['schemas']['Place'];
export type MatchByValue = components['schemas']['MatchByValue'];
export type ComparedValue = components['schemas']['ComparedValue'];
export type MatchByToken = components['schemas']['MatchByToken'];
export type Correction = components['schemas']['Correction'];
export type CardCorrection = components['schemas']['CardCorrection'];
export type AddressCorrection = components['schemas']['AddressCorrection'];
export type ContactCorrection = components['schemas']['ContactCorrection'];
export type SearchRequest = components['schemas']['SearchRequest'];
export type Erasure = components['schemas']['Erasure'];
export type CheckoutSessionRequest = components['schemas']['CheckoutSessionRequest'];
export type NewPrivacyRequest = components['schemas']['NewPrivacyRequest'];
export type IdentityProof = components['schemas']['IdentityProof'];
export type PrivacyRequestChange = components['schemas']['PrivacyRequestChange'];
export type CustomerReportRequest = components['schemas']['CustomerReportRequest'];
export type CustomerErasure = components['schemas']['CustomerErasure'];
export type ConsentChange = components['schemas']['ConsentChange'];
export type GivenConsent = components['schemas']['GivenConsent'];
export type WordedConsent = components['schemas']['WordedConsent'];
export type SecurityCode = components['schemas']['SecurityCode'];
export type ForwardRequest = components['schemas']['ForwardRequest'];
export type ForwardTokens = components['schemas']['ForwardTokens'];
export type AccessToken = components['schemas']['AccessToken'];
export type TokenError = components['schemas']['TokenError'];
export type InputError = components['schemas']['InputError'];
export type JwkSet = components['schemas']['JwkSet'];
export type Jwk = components['schemas']['Jwk'];
export type Problem = components['schemas']['Problem'];
export type AuthorizationServerMetadata = components['schemas']['AuthorizationServerMetadata'];
export type ProtectedResourceMetadata = components['schemas']['ProtectedResourceMetadata'];
export type TokenizedCheckout = components['schemas']['TokenizedCheckout'];
export type MaskedCard = components['schemas']['MaskedCard'];
export type MaskedAddress = components['schemas']['MaskedAddress'];
export type MaskedContact = components['schemas']['MaskedContact'];
export type KeptSecurityCode = components['schemas']['KeptSecurityCode'];
export type TokenizedBatch = components['schemas']['TokenizedBatch'];
export type TokenizeResult = components['schemas']['TokenizeResult'];
export type TokenizeSuccess = components['schemas']['TokenizeSuccess'];
export type Release = components['schemas']['Release'];
export type CardRelease = components['schemas']['CardRelease'];
export type RevealedCard = components['schemas']['RevealedCard'];
export type AddressRelease = components['schemas']['AddressRelease'];
export type RevealedAddress = components['schemas']['RevealedAddress'];
export type ContactRelease = components['schemas']['ContactRelease'];
export type RevealedContact = components['schemas']['RevealedContact'];
export type RevealResults = components['schemas']['RevealResults'];
export type RevealResult = components['schemas']['RevealResult'];
export type CardReleaseResult = components['schemas']['CardReleaseResult'];
export type AddressReleaseResult = components['schemas']['AddressReleaseResult'];
export type ContactReleaseResult = components['schemas']['ContactReleaseResult'];
export type PartnerRelease = components['schemas']['PartnerRelease'];
export type ApprovalPage = components['schemas']['ApprovalPage'];
export type Approval = components['schemas']['Approval'];
export type ShownApproval = components['schemas']['ShownApproval'];
export type MaskedRecord = components['schemas']['MaskedRecord'];
export type ApprovalDecision = components['schemas']['ApprovalDecision'];
export type MatchAnswer = components['schemas']['MatchAnswer'];
export type CorrectedRecord = components['schemas']['CorrectedRecord'];
export type CorrectedCard = components['schemas']['CorrectedCard'];
export type CorrectedAddress = components['schemas']['CorrectedAddress'];
export type CorrectedContact = components['schemas']['CorrectedContact'];
export type SearchResults = components['schemas']['SearchResults'];
export type FoundRecord = components['schemas']['FoundRecord'];
export type DamagedRecord = components['schemas']['DamagedRecord'];
export type OpenedCheckoutSession = components['schemas']['OpenedCheckoutSession'];
export type CheckoutSession = components['schemas']['CheckoutSession'];
export type CheckoutSessionTokens = components['schemas']['CheckoutSessionTokens'];
export type PrivacyRequest = components['schemas']['PrivacyRequest'];
export type PrivacyRequestPage = components['schemas']['PrivacyRequestPage'];
export type CustomerErased = components['schemas']['CustomerErased'];
export type PrivacyPolicy = components['schemas']['PrivacyPolicy'];
export type PolicyController = components['schemas']['PolicyController'];
export type PolicyData = components['schemas']['PolicyData'];
export type PolicyPurpose = components['schemas']['PolicyPurpose'];
export type RetentionDays = components['schemas']['RetentionDays'];
export type PolicyRecipients = components['schemas']['PolicyRecipients'];
export type PolicyChanges = components['schemas']['PolicyChanges'];
export type PolicyDifference = components['schemas']['PolicyDifference'];
export type ReceiptKeys = components['schemas']['ReceiptKeys'];
export type MessageKey = components['schemas']['MessageKey'];
export type ConsentsChanged = components['schemas']['ConsentsChanged'];
export type ForwardResult = components['schemas']['ForwardResult'];
export type ForwardAnswer = components['schemas']['ForwardAnswer'];
export type ForwardPreview = components['schemas']['ForwardPreview'];
export type AuditEventPage = components['schemas']['AuditEventPage'];
export type AuditEvent = components['schemas']['AuditEvent'];
export type AuditCaller = components['schemas']['AuditCaller'];
export type EventOrigin = components['schemas']['EventOrigin'];
export type MinimumIndex = components['schemas']['MinimumIndex'];
export type Receipt = components['schemas']['Receipt'];
export type MessageKeyDirectory = components['schemas']['MessageKeyDirectory'];
export type Health = components['schemas']['Health'];
export type ParameterIdempotencyKey = components['parameters']['IdempotencyKey'];
export type HeaderRequestId = components['headers']['Request-Id'];
export type HeaderRetryAfter = components['headers']['Retry-After'];
export type HeaderWwwAuthenticate = components['headers']['WWW-Authenticate'];
export type HeaderIdempotentReplayed = components['headers']['Idempotent-Replayed'];
export type $defs = Record<string, never>;
export interface operations {
    issueToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/x-www-form-urlencoded": components["schemas"]["TokenRequest"];
            };
        };
        responses: {
            /** @description an access token for at most 300 seconds */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessToken"];
                };
            };
        };
    };
    getJwks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a JWK Set */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JwkSet"];
                };
            };
        };
    };
    getAuthorizationServerMetadata: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the metadata */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthorizationServerMetadata"];
                };
            };
        };
    };
    getOpenIdConfiguration: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the metadata */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthorizationServerMetadata"];
                };
            };
        };
    };
    getProtectedResourceMetadata: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the metadata */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProtectedResourceMetadata"];
                };
            };
        };
    };
    tokenize: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Checkout"];
            };
        };
        responses: {
            /** @description the tokens and masked views */
            201: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenizedCheckout"];
                };
            };
        };
    };
    tokenizeBatch: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CheckoutBatch"];
            };
        };
        responses: {
            /** @description one result for each item, in order, each with its own status */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenizedBatch"];
                };
            };
        };
    };
    revealRecord: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /** @description The token of a record */
                token: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RevealRequest"];
            };
        };
        responses: {
            /** @description the fields, and the id of the event that records the release */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Release"];
                };
            };
        };
    };
    revealRecords: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RevealManyRequest"];
            };
        };
        responses: {
            /** @description one result for each item, in order, each with its own status */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevealResults"];
                };
            };
        };
    };
    releaseRecord: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /** @description The token of a record */
                token: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PartnerReleaseRequest"];
            };
        };
        responses: {
            /** @description the JWE, and the id of the event */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PartnerRelease"];
                };
            };
        };
    };
    listApprovals: {
        parameters: {
            query?: {
                /** @description only requests in this state; default: all open ones */
                state?: "pending" | "approved" | "refused" | "used" | "unreviewed" | "reviewed";
                /** @description only for records of this kind */
                kind?: "card" | "address" | "contact";
                /** @description only of callers with this role */
                caller_role?: string;
                /** @description only of this caller */
                caller?: string;
                purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
                /** @description only for this record */
                token?: string;
                /** @description `next` of the page before */
                after?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a page; `next` is null at the end */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApprovalPage"];
                };
            };
        };
    };
    getApproval: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the request */
                approval: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the request and the masked view of its record */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ShownApproval"];
                };
            };
        };
    };
    approveRelease: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the request */
                approval: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the state that it is in now */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApprovalDecision"];
                };
            };
        };
    };
    refuseRelease: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the request */
                approval: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the state that it is in now */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApprovalDecision"];
                };
            };
        };
    };
    reviewRelease: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the request */
                approval: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the state that it is in now */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApprovalDecision"];
                };
            };
        };
    };
    matchRecord: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /** @description The token of a record */
                token: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MatchRequest"];
            };
        };
        responses: {
            /** @description whether everything that was compared is equal */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MatchAnswer"];
                };
            };
        };
    };
    getRecord: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The token of a record */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the masked view */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MaskedRecord"];
                };
            };
        };
    };
    eraseRecord: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The token of a record */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description erased; the token is answered with 410 from now on */
            204: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    correctRecord: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The token of a record */
                token: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Correction"];
            };
        };
        responses: {
            /** @description the masked view of the new version */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CorrectedRecord"];
                };
            };
        };
    };
    searchRecords: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SearchRequest"];
            };
        };
        responses: {
            /** @description masked views, the newest first; a record that does not open has a code instead */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchResults"];
                };
            };
        };
    };
    eraseRecordWithReason: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /** @description The token of a record */
                token: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Erasure"];
            };
        };
        responses: {
            /** @description erased; the token is answered with 410 from now on */
            204: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    openCheckoutSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CheckoutSessionRequest"];
            };
        };
        responses: {
            /** @description the session, and the token for its page */
            201: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenedCheckoutSession"];
                };
            };
        };
    };
    getCheckoutSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the state */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckoutSession"];
                };
            };
        };
    };
    listPrivacyRequests: {
        parameters: {
            query?: {
                /** @description only those that are not closed, that are, or that should have been answered; default: all */
                state?: "open" | "closed" | "overdue";
                /** @description `next` of the page before */
                after?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a page; `next` is null at the end */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrivacyRequestPage"];
                };
            };
        };
    };
    openPrivacyRequest: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewPrivacyRequest"];
            };
        };
        responses: {
            /** @description the request */
            201: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrivacyRequest"];
                };
            };
        };
    };
    getPrivacyRequest: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the request */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the request */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrivacyRequest"];
                };
            };
        };
    };
    changePrivacyRequest: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the request */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PrivacyRequestChange"];
            };
        };
        responses: {
            /** @description the request as it is now */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrivacyRequest"];
                };
            };
        };
    };
    reportCustomer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CustomerReportRequest"];
            };
        };
        responses: {
            /** @description the report */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    eraseCustomer: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CustomerErasure"];
            };
        };
        responses: {
            /** @description what became of the records */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CustomerErased"];
                };
            };
        };
    };
    getPrivacyPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the version */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrivacyPolicy"];
                };
            };
        };
    };
    getReceiptKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a JWK Set */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReceiptKeys"];
                };
            };
        };
    };
    getPrivacyPolicyVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A published version */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the version */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrivacyPolicy"];
                };
            };
        };
    };
    changeConsents: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConsentChange"];
            };
        };
        responses: {
            /** @description the consents now, with a receipt */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConsentsChanged"];
                };
            };
        };
    };
    keepSecurityCode: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SecurityCode"];
            };
        };
        responses: {
            /** @description the name of the code */
            201: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptSecurityCode"];
                };
            };
        };
    };
    forward: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ForwardRequest"];
            };
        };
        responses: {
            /** @description what the destination answered; with `dry_run` the request that would be sent */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ForwardResult"];
                };
            };
        };
    };
    listAuditEvents: {
        parameters: {
            query?: {
                caller?: string;
                token?: string;
                type?: "record.tokenize" | "record.read" | "record.reveal" | "record.forward" | "record.release" | "record.match" | "record.correct" | "record.erase-intent" | "record.erase" | "customer.erase" | "customer.report" | "record.search" | "consent.give" | "consent.withdraw" | "consent.receipt" | "request.refuse" | "request.replay" | "forward.outcome" | "forward.preview" | "session.open" | "session.complete" | "session.expire" | "privacy-request.open" | "privacy-request.read" | "privacy-request.change" | "notice.queue" | "notice.deliver" | "withholding.order" | "withholding.end" | "security-code.keep" | "token.issue" | "client.add" | "client.rotate-secret" | "client.replace-keys" | "client.end-credential" | "client.revoke" | "staff.disable" | "staff.enable" | "partner.add" | "partner.replace-keys" | "partner.end" | "roles.apply" | "policy.publish" | "policy.adopt" | "destinations.apply" | "destinations.set-secret" | "destinations.remove-secret" | "access.explain" | "access.review" | "access.rebuild" | "approval.list" | "approval.request" | "approval.break-glass" | "approval.approve" | "approval.refuse" | "approval.review" | "caller.suspend" | "caller.lift" | "key.create" | "key.promote" | "key.deactivate" | "key.compromise" | "key.destroy" | "key.retire" | "key.close" | "key.reopen" | "key.certify" | "root-key.replace" | "root-key.acknowledge" | "root-key.share" | "keys.rotate" | "erasure.certify" | "retention.run" | "retention.enable" | "retention.disable" | "hold.add" | "hold.release" | "records.verify" | "audit.read" | "audit.acknowledge" | "audit.key" | "audit.start" | "audit.stop" | "audit.gap" | "audit.drop" | "audit.missing" | "audit.resume" | "audit.unproven" | "restore.apply" | "restore.waive" | "migrate" | "schema.accept";
                purpose?: "respond-to-query" | "provide-goods" | "process-payment" | "communicate" | "enforce-rights" | "research" | "marketing" | "legal-compliance" | "other-consented";
                /** @description only events of this time or later: RFC 3339, or a date, which is its beginning in UTC */
                since?: string;
                /** @description only events before this time: RFC 3339, or a date */
                until?: string;
                /** @description the id of the last event of the page before */
                after?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a page; `next` is what to pass as `after`, null at the end: a page may hold fewer events than `limit`, or none, and still have one. An event that cannot be authenticated now has `unverified` */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditEventPage"];
                };
            };
        };
    };
    getCheckpoint: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the note */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "text/plain; charset=utf-8": string;
                };
            };
        };
    };
    getMinimumIndex: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description 0 while nothing was dropped */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MinimumIndex"];
                };
            };
        };
    };
    getTile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The path of a tile (C2SP tlog-tiles) */
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description hashes of 32 bytes, or entries behind their lengths */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
        };
    };
    getReceipt: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of an event */
                event: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the receipt; it can be verified without the vault */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Receipt"];
                };
            };
        };
    };
    getMessageKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a JWK Set */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/http-message-signatures-directory+json": components["schemas"]["MessageKeyDirectory"];
                };
            };
        };
    };
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description it does */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description it can */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    getRoot: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    getProblemPage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The code of a problem */
                code: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description an HTML page, or plain text for a client that asks for no HTML */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
