-- The schema after every migration. Written by `npm run db:schema`; do not edit.

CREATE TABLE access_ledger (
  generation integer NOT NULL,
  subject text NOT NULL,
  state text,
  mac bytea NOT NULL,
  CONSTRAINT access_ledger_pkey PRIMARY KEY (generation),
  CONSTRAINT access_ledger_generation_check CHECK ((generation > 0))
);
COMMENT ON TABLE access_ledger IS 'the changes of clients, contracts, roles, disabled staff and suspended callers, each over the one before';
COMMENT ON COLUMN access_ledger.state IS 'SHA-256 of what the subject is now, in hexadecimal; empty when nothing of it is in force';
COMMENT ON COLUMN access_ledger.mac IS 'HMAC-SHA-256 over the entry and the MAC of the entry before, behind the id of its access-mac key';

CREATE TABLE access_version (
  only_row boolean NOT NULL DEFAULT true,
  version uuid NOT NULL,
  CONSTRAINT access_version_pkey PRIMARY KEY (only_row),
  CONSTRAINT access_version_only_row_check CHECK (only_row)
);
COMMENT ON TABLE access_version IS 'names the present state of clients, partners, roles, disabled staff and suspended callers';

CREATE TABLE approval_uses (
  approval text NOT NULL,
  event text NOT NULL,
  used_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT approval_uses_pkey PRIMARY KEY (approval)
);
CREATE INDEX approval_uses_used_at ON public.approval_uses USING btree (used_at);
COMMENT ON TABLE approval_uses IS 'which approvals have let a release out; the server can add a row, and change or remove none';
COMMENT ON COLUMN approval_uses.event IS 'the event of the release, which commits with the row';

CREATE TABLE approvals (
  id text NOT NULL,
  caller text NOT NULL,
  role text NOT NULL,
  site text NOT NULL,
  token text NOT NULL,
  fields text[] NOT NULL,
  purpose text NOT NULL,
  ticket text,
  state text NOT NULL,
  requested_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  decided_by text,
  decided_at timestamp with time zone,
  mac bytea,
  authority text,
  record_version integer,
  log_size bigint,
  request_mac bytea,
  partner text,
  CONSTRAINT approvals_pkey PRIMARY KEY (id),
  CONSTRAINT approvals_by_another CHECK ((decided_by <> caller)),
  CONSTRAINT approvals_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'approved'::text, 'refused'::text, 'used'::text, 'unreviewed'::text, 'reviewed'::text])))
);
CREATE INDEX approvals_caller ON public.approvals USING btree (caller) WHERE (state = ANY (ARRAY['pending'::text, 'approved'::text, 'unreviewed'::text]));
CREATE INDEX approvals_open ON public.approvals USING btree (site, ((state <> 'unreviewed'::text)), id) WHERE (state = ANY (ARRAY['pending'::text, 'unreviewed'::text]));
CREATE INDEX approvals_token ON public.approvals USING btree (token);
COMMENT ON TABLE approvals IS 'releases that need a second person; their reasons are in reveal_reasons, sealed';
COMMENT ON COLUMN approvals.state IS 'what people see; whether an approval was used, approval_uses says';
COMMENT ON COLUMN approvals.mac IS 'of what was approved, and of nothing else: HMAC-SHA-256 over the verdict, the request, who decided and when, behind the id of its access-mac key';
COMMENT ON COLUMN approvals.authority IS 'the authority in whose name the release is asked for; the ticket then is its case';
COMMENT ON COLUMN approvals.record_version IS 'the version of the record that is asked for; empty for requests that were decided before there was this column';
COMMENT ON COLUMN approvals.log_size IS 'how many leaves the log had when this was approved: the event of its release comes behind them';
COMMENT ON COLUMN approvals.request_mac IS 'HMAC-SHA-256 over what was asked, by which caller and when, behind the id of its access-mac key';
COMMENT ON COLUMN approvals.partner IS 'the partner to whose key the record leaves; null if it leaves to the caller';

CREATE TABLE audit_checkpoints (
  size bigint NOT NULL,
  note text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (size)
);
COMMENT ON TABLE audit_checkpoints IS 'one checkpoint of each minute in which the log grew, to be kept';

CREATE TABLE audit_claims (
  change bigint NOT NULL,
  process text NOT NULL,
  claim text NOT NULL,
  mac bytea NOT NULL,
  CONSTRAINT audit_claims_pkey PRIMARY KEY (change),
  CONSTRAINT audit_claims_mac_check CHECK ((length(mac) = 48))
);
CREATE INDEX audit_claims_process ON public.audit_claims USING btree (process);
COMMENT ON TABLE audit_claims IS 'how far each process has numbered its events, as it says itself';
COMMENT ON COLUMN audit_claims.change IS 'the order of the latest changes';
COMMENT ON COLUMN audit_claims.claim IS 'JSON: settled, skipped, lost, and closed when the process has ended in order';
COMMENT ON COLUMN audit_claims.mac IS 'over the claim, made by the process';

CREATE TABLE audit_cosignatures (
  checkpoint text NOT NULL,
  witness text NOT NULL,
  signature text NOT NULL,
  cosigned_at timestamp with time zone NOT NULL,
  CONSTRAINT audit_cosignatures_pkey PRIMARY KEY (checkpoint, witness)
);
COMMENT ON COLUMN audit_cosignatures.checkpoint IS 'the text that was signed: origin, size and root';
COMMENT ON COLUMN audit_cosignatures.signature IS 'the line that belongs under the note';

CREATE TABLE audit_events (
  "position" bigint NOT NULL DEFAULT nextval('audit_positions'::regclass),
  id uuid NOT NULL,
  token uuid,
  caller integer,
  type smallint NOT NULL,
  purpose smallint,
  site smallint,
  mac bytea,
  body text NOT NULL,
  CONSTRAINT audit_events_pkey PRIMARY KEY (id),
  CONSTRAINT audit_events_mac_check CHECK ((length(mac) = 48))
);
CREATE INDEX audit_events_approval ON ONLY public.audit_events USING btree ("substring"(body, '"approval":"([^"]*)"'::text)) WHERE (strpos(body, '"approval":"'::text) > 0);
CREATE INDEX audit_events_caller ON ONLY public.audit_events USING btree (caller, ((LEAST((((('x'::text || substr((id)::text, 1, 8)) || substr((id)::text, 10, 1)))::bit(36))::bigint, (2147483647)::bigint))::integer)) WHERE (caller IS NOT NULL);
CREATE INDEX audit_events_key ON ONLY public.audit_events USING btree (id) WHERE (strpos(body, '"type":"key.'::text) > 0);
CREATE INDEX audit_events_position ON ONLY public.audit_events USING btree ("position");
CREATE INDEX audit_events_purpose ON ONLY public.audit_events USING btree (purpose, ((LEAST((((('x'::text || substr((id)::text, 1, 8)) || substr((id)::text, 10, 1)))::bit(36))::bigint, (2147483647)::bigint))::integer)) WHERE (purpose IS NOT NULL);
CREATE INDEX audit_events_sought ON ONLY public.audit_events USING btree (type, id) WHERE (type <= 10);
CREATE INDEX audit_events_token ON ONLY public.audit_events USING btree (token) WHERE (token IS NOT NULL);
CREATE INDEX audit_events_tokens ON ONLY public.audit_events USING gin (string_to_array("substring"(body, '"tokens":\["([^]]*)"\]'::text), '","'::text)) WHERE (strpos(body, '"tokens":["'::text) > 0);
CREATE INDEX audit_events_type ON ONLY public.audit_events USING btree (type, ((LEAST((((('x'::text || substr((id)::text, 1, 8)) || substr((id)::text, 10, 1)))::bit(36))::bigint, (2147483647)::bigint))::integer));
COMMENT ON COLUMN audit_events.position IS 'the order of insertion, not of the log: numbers of what was rolled back are missing';
COMMENT ON COLUMN audit_events.id IS 'evt_ and these 16 bytes in base32; the first six are the time, in milliseconds';
COMMENT ON COLUMN audit_events.mac IS 'over the body, made by the process that made the event; never shown. Null for events of earlier versions and of commands without keys';
COMMENT ON COLUMN audit_events.body IS 'the event in its canonical form, RFC 8785; the other columns repeat parts of it';

CREATE TABLE audit_head (
  only_row boolean NOT NULL DEFAULT true,
  origin text NOT NULL,
  size bigint NOT NULL,
  root bytea NOT NULL,
  note text NOT NULL,
  next_position bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT audit_head_pkey PRIMARY KEY (only_row),
  CONSTRAINT audit_head_only_row_check CHECK (only_row)
);
COMMENT ON COLUMN audit_head.note IS 'the latest checkpoint, a signed note';
COMMENT ON COLUMN audit_head.next_position IS 'every committed event of a lower position has its leaf';

CREATE TABLE audit_leaves (
  sequence bigint NOT NULL,
  event uuid NOT NULL,
  hash bytea NOT NULL,
  CONSTRAINT audit_leaves_pkey PRIMARY KEY (sequence),
  CONSTRAINT audit_leaves_event_key UNIQUE (event),
  CONSTRAINT audit_leaves_hash_check CHECK ((length(hash) = 32)),
  CONSTRAINT audit_leaves_sequence_check CHECK ((sequence >= 0))
);
COMMENT ON TABLE audit_leaves IS 'the order of the log: the event of each leaf, and its hash (RFC 9162, section 2.1.1)';

CREATE TABLE audit_missing (
  process text NOT NULL,
  first bigint NOT NULL,
  last bigint NOT NULL,
  found_at timestamp with time zone NOT NULL,
  resumed_by text,
  CONSTRAINT audit_missing_pkey PRIMARY KEY (process, first)
);
COMMENT ON TABLE audit_missing IS 'numbers of events that are gone: nothing is released until an operator has looked';
COMMENT ON COLUMN audit_missing.resumed_by IS 'the event of that';

CREATE TABLE audit_processes (
  process text NOT NULL,
  seen text NOT NULL,
  mac bytea,
  CONSTRAINT audit_processes_pkey PRIMARY KEY (process),
  CONSTRAINT audit_processes_mac_check CHECK ((length(mac) = 48))
);
COMMENT ON TABLE audit_processes IS 'which numbers of each process the sequencer has seen';
COMMENT ON COLUMN audit_processes.seen IS 'numbers and ranges, such as 1-17 19';
COMMENT ON COLUMN audit_processes.mac IS 'over process and seen; where it does not fit, the log is read again';

CREATE TABLE audit_shipments (
  target text NOT NULL,
  size bigint NOT NULL DEFAULT 0,
  next_at timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp with time zone,
  CONSTRAINT audit_shipments_pkey PRIMARY KEY (target),
  CONSTRAINT audit_shipments_size_check CHECK ((size >= 0))
);
COMMENT ON COLUMN audit_shipments.size IS 'of the last checkpoint that arrived there';
COMMENT ON COLUMN audit_shipments.next_at IS 'when the next is due; who puts it off is the server that ships';

CREATE TABLE audit_subtrees (
  level smallint NOT NULL,
  index bigint NOT NULL,
  hash bytea NOT NULL,
  CONSTRAINT audit_subtrees_pkey PRIMARY KEY (level, index),
  CONSTRAINT audit_subtrees_hash_check CHECK ((length(hash) = 32)),
  CONSTRAINT audit_subtrees_index_check CHECK ((index >= 0)),
  CONSTRAINT audit_subtrees_level_check CHECK ((level > 0))
);
COMMENT ON TABLE audit_subtrees IS 'the roots of complete subtrees of 256^level leaves: a tile of level L is up to 256 of them, or of the leaves';

CREATE TABLE budget_records (
  caller text NOT NULL,
  role text NOT NULL,
  purpose text NOT NULL,
  span text NOT NULL,
  starts_at timestamp with time zone NOT NULL,
  record text NOT NULL,
  CONSTRAINT budget_records_pkey PRIMARY KEY (caller, role, purpose, span, starts_at, record),
  CONSTRAINT budget_records_span_check CHECK ((span = ANY (ARRAY['hour'::text, 'day'::text])))
);
CREATE INDEX budget_records_starts ON public.budget_records USING btree (starts_at);
COMMENT ON TABLE budget_records IS 'the records that a caller with a budget has asked for, once for each hour and day';
COMMENT ON COLUMN budget_records.purpose IS 'a purpose; empty for masked views and searches, * for everything together, a scope for what is corrected or erased';

CREATE TABLE checkout_sessions (
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  closed_at timestamp with time zone,
  facts_key smallint NOT NULL,
  id text NOT NULL,
  facts_sealed bytea NOT NULL,
  CONSTRAINT checkout_sessions_pkey PRIMARY KEY (id)
) WITH (autovacuum_analyze_scale_factor=0.05, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=1000);
CREATE INDEX checkout_sessions_expires ON public.checkout_sessions USING btree (expires_at);
COMMENT ON COLUMN checkout_sessions.closed_at IS 'when it was seen that the session is over';
COMMENT ON COLUMN checkout_sessions.facts_sealed IS 'the client, the origins, the customer and everything else about the session, sealed';

CREATE TABLE clients (
  id text NOT NULL,
  name text NOT NULL,
  role text,
  scopes text[] NOT NULL,
  site text NOT NULL,
  secret_hash text,
  created_at timestamp with time zone NOT NULL,
  revoked_at timestamp with time zone,
  secret_start text,
  secret_expires_at timestamp with time zone,
  previous_secret_hash text,
  previous_secret_expires_at timestamp with time zone,
  keys jsonb,
  certificate text,
  mac bytea,
  previous_secret_start text,
  CONSTRAINT clients_pkey PRIMARY KEY (id),
  CONSTRAINT clients_one_way_in CHECK ((num_nonnulls(secret_hash, keys, certificate) = 1))
);
COMMENT ON COLUMN clients.secret_hash IS 'argon2id, PHC string';
COMMENT ON COLUMN clients.secret_start IS 'the first characters of the secret, which tell it from the previous one';
COMMENT ON COLUMN clients.previous_secret_hash IS 'argon2id, PHC string; works until previous_secret_expires_at';
COMMENT ON COLUMN clients.keys IS 'public keys as a JWK Set (RFC 7517), for private_key_jwt';
COMMENT ON COLUMN clients.certificate IS 'what the client certificate must show (RFC 8705): form, colon, value';
COMMENT ON COLUMN clients.mac IS 'HMAC-SHA-256 over the client, its credentials and its partner, behind the id of its access-mac key; gone with a revocation';
COMMENT ON COLUMN clients.previous_secret_start IS 'the first characters of the secret before; null for one from before this was kept';

CREATE TABLE destination_secrets (
  set_at timestamp with time zone NOT NULL,
  value_key smallint NOT NULL,
  name text NOT NULL,
  revision text NOT NULL,
  value_sealed bytea NOT NULL,
  CONSTRAINT destination_secrets_pkey PRIMARY KEY (name)
);
COMMENT ON COLUMN destination_secrets.revision IS 'another one for each value that the secret was given; the ledger of access has the present one';

CREATE TABLE destination_sets (
  revision integer NOT NULL,
  destinations text NOT NULL,
  mac bytea NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT destination_sets_pkey PRIMARY KEY (revision),
  CONSTRAINT destination_sets_revision_check CHECK ((revision > 0))
);
COMMENT ON TABLE destination_sets IS 'the destinations that operators applied; the highest revision is in force, without any there is none';
COMMENT ON COLUMN destination_sets.destinations IS 'the file of destinations, RFC 8785';
COMMENT ON COLUMN destination_sets.mac IS 'HMAC-SHA-256 over the revision and the destinations, behind the id of its access-mac key';

CREATE TABLE dictionary (
  id integer NOT NULL,
  sort text NOT NULL,
  name text NOT NULL,
  CONSTRAINT dictionary_pkey PRIMARY KEY (sort, id),
  CONSTRAINT dictionary_id_check CHECK ((id > 0)),
  CONSTRAINT dictionary_sort_name_key UNIQUE (sort, name)
);
COMMENT ON TABLE dictionary IS 'what the numbers in other tables stand for; rows are added, and never changed';
COMMENT ON COLUMN dictionary.sort IS 'site, key, kind, policy, consents, type, purpose or caller';

CREATE TABLE disabled_staff (
  id text NOT NULL,
  disabled_at timestamp with time zone NOT NULL,
  folded text,
  CONSTRAINT disabled_staff_pkey PRIMARY KEY (id)
);
CREATE INDEX disabled_staff_folded ON public.disabled_staff USING btree (folded);
COMMENT ON TABLE disabled_staff IS 'members of staff whose tokens are refused, whoever signed them';
COMMENT ON COLUMN disabled_staff.folded IS 'the id as it is compared: NFKC, lower case; empty when an earlier version wrote the row';

CREATE TABLE erasures (
  ordered_at timestamp with time zone NOT NULL,
  done_at timestamp with time zone,
  filed_at timestamp with time zone,
  sent_at timestamp with time zone,
  token uuid NOT NULL,
  kind smallint NOT NULL,
  site smallint NOT NULL,
  token_hash bytea NOT NULL,
  line text NOT NULL,
  customer_key smallint,
  customer bytea,
  customer_mac bytea,
  CONSTRAINT erasures_pkey PRIMARY KEY (token_hash),
  CONSTRAINT erasures_customer_mac_check CHECK ((length(customer_mac) = 32)),
  CONSTRAINT erasures_customer_whole CHECK (
CASE
    WHEN ((customer IS NULL) OR (customer = '\x'::bytea)) THEN (num_nonnulls(customer_key, customer_mac) = 0)
    ELSE ((length(customer) = 16) AND (num_nulls(customer_key, customer_mac) = 0))
END),
  CONSTRAINT erasures_token_hash_check CHECK ((length(token_hash) = 32))
);
CREATE INDEX erasures_customer ON public.erasures USING btree (customer) WHERE (customer <> '\x'::bytea);
CREATE INDEX erasures_of_unknown ON public.erasures USING btree (site, done_at) WHERE (customer IS NULL);
CREATE INDEX erasures_undone ON public.erasures USING btree (ordered_at) WHERE (done_at IS NULL);
CREATE INDEX erasures_unfiled ON public.erasures USING btree (done_at) WHERE (filed_at IS NULL);
CREATE INDEX erasures_unsent ON public.erasures USING btree (done_at) WHERE (sent_at IS NULL);
COMMENT ON TABLE erasures IS 'the ledger of erasures: a line is written before anything of its record is removed';
COMMENT ON COLUMN erasures.done_at IS 'when the record was removed; null while its erasure is postponed or under way';
COMMENT ON COLUMN erasures.filed_at IS 'when the line had arrived in every file outside';
COMMENT ON COLUMN erasures.sent_at IS 'when every command and URL had got the line';
COMMENT ON COLUMN erasures.token_hash IS 'SHA-256 of the token, which is all that the line says of the record';
COMMENT ON COLUMN erasures.line IS 'hash, time, reason, vault, key and signature, as it is shipped';
COMMENT ON COLUMN erasures.customer IS 'a keyed hash of whose record it was; empty: it had no customer; null: that is not known, or forgotten by a rotation of the index keys';
COMMENT ON COLUMN erasures.customer_mac IS 'binds that to the record, under the same index key';

CREATE TABLE forwards (
  deadline timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  attempt integer NOT NULL,
  facts_key smallint NOT NULL,
  state text NOT NULL,
  id text NOT NULL,
  facts_sealed bytea NOT NULL,
  CONSTRAINT forwards_pkey PRIMARY KEY (id),
  CONSTRAINT forwards_state_check CHECK ((state = ANY (ARRAY['sending'::text, 'answered'::text, 'unknown'::text])))
) WITH (autovacuum_analyze_scale_factor=0.05, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=1000);
CREATE INDEX forwards_expires ON public.forwards USING btree (expires_at);
CREATE INDEX forwards_sending ON public.forwards USING btree (deadline) WHERE (state = 'sending'::text);
COMMENT ON COLUMN forwards.deadline IS 'from then on the server that sends it has ended';
COMMENT ON COLUMN forwards.attempt IS 'how often it was sent';
COMMENT ON COLUMN forwards.facts_sealed IS 'the destination, the records, the events and the answer without the card number, sealed';

CREATE TABLE holds (
  created_at timestamp with time zone NOT NULL,
  review_at timestamp with time zone NOT NULL,
  token uuid NOT NULL,
  kind smallint NOT NULL,
  site smallint NOT NULL,
  id text NOT NULL,
  purpose text,
  reason text NOT NULL,
  CONSTRAINT holds_pkey PRIMARY KEY (id)
);
CREATE INDEX holds_token ON public.holds USING btree (token);
COMMENT ON TABLE holds IS 'what keeps records from being erased; a row counts where the ledger of access names it';
COMMENT ON COLUMN holds.review_at IS 'when a person has to look at the hold again';
COMMENT ON COLUMN holds.purpose IS 'the purpose that the record is kept for; null for every one';
COMMENT ON COLUMN holds.reason IS 'what a person wrote, in the clear';

CREATE TABLE idempotency_keys (
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  index_key smallint NOT NULL,
  response_key smallint,
  key_hash bytea NOT NULL,
  request_hash bytea NOT NULL,
  response_sealed bytea,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (key_hash)
) WITH (autovacuum_analyze_scale_factor=0.05, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=1000, toast.autovacuum_vacuum_scale_factor=0.01, toast.autovacuum_vacuum_threshold=1000);
CREATE INDEX idempotency_keys_expires ON public.idempotency_keys USING btree (expires_at);
COMMENT ON COLUMN idempotency_keys.index_key IS 'the index key that made the hashes';
COMMENT ON COLUMN idempotency_keys.key_hash IS 'HMAC-SHA-256 under an index key over caller and Idempotency-Key';
COMMENT ON COLUMN idempotency_keys.response_sealed IS 'the answer to replay, sealed; null once a record in it is erased';

CREATE TABLE kept_limits (
  key character varying(255) NOT NULL,
  points integer NOT NULL DEFAULT 0,
  expire bigint,
  reserved integer NOT NULL DEFAULT 0,
  granted integer NOT NULL DEFAULT 0,
  pauses integer NOT NULL DEFAULT 0,
  CONSTRAINT kept_limits_pkey PRIMARY KEY (key)
);
CREATE INDEX kept_limits_expire ON public.kept_limits USING btree (expire);
COMMENT ON TABLE kept_limits IS 'limits of a day and longer';
COMMENT ON COLUMN kept_limits.key IS 'what is limited, and a keyed hash of whose count it is';
COMMENT ON COLUMN kept_limits.points IS 'what counted';
COMMENT ON COLUMN kept_limits.expire IS 'when the count begins again, in milliseconds since 1970';
COMMENT ON COLUMN kept_limits.reserved IS 'what is in flight and counts until it is given back';
COMMENT ON COLUMN kept_limits.granted IS 'how much of the last reservation or settlement was taken';
COMMENT ON COLUMN kept_limits.pauses IS 'how often the limit was reached before a day went by without it';

CREATE TABLE key_registry (
  only_row boolean NOT NULL DEFAULT true,
  manifest text NOT NULL,
  wrapped bytea,
  mac bytea NOT NULL,
  CONSTRAINT key_registry_pkey PRIMARY KEY (only_row),
  CONSTRAINT key_registry_only_row_check CHECK (only_row)
);
COMMENT ON TABLE key_registry IS 'authenticates every row of keys and root_keys';
COMMENT ON COLUMN key_registry.manifest IS 'the rows as they must be, RFC 8785, with a generation that only grows';
COMMENT ON COLUMN key_registry.wrapped IS 'the key of the MAC of a manifest of an earlier version, until the first start of this one; null since';
COMMENT ON COLUMN key_registry.mac IS 'HMAC-SHA-256 over the manifest, under the key of the registry that it names';

CREATE TABLE key_retirements (
  key_id text NOT NULL,
  moved bigint NOT NULL,
  empty_at timestamp with time zone,
  event text,
  CONSTRAINT key_retirements_pkey PRIMARY KEY (key_id)
);
COMMENT ON TABLE key_retirements IS 'how many values were moved off a key, and when a census found none left';
COMMENT ON COLUMN key_retirements.event IS 'the audit event of that census';

CREATE TABLE key_uses (
  key_id text NOT NULL,
  uses bigint NOT NULL DEFAULT 0,
  reserved bigint NOT NULL DEFAULT 0,
  CONSTRAINT key_uses_pkey PRIMARY KEY (key_id)
);
COMMENT ON COLUMN key_uses.uses IS 'how often the key sealed, signed, hashed or wrapped, as far as the servers have reported';
COMMENT ON COLUMN key_uses.reserved IS 'uses handed out to servers and not reported; count as used until they are given back';

CREATE TABLE keys (
  id text NOT NULL,
  purpose text NOT NULL,
  state text NOT NULL,
  root_key_id text NOT NULL,
  wrapped bytea,
  created_at timestamp with time zone NOT NULL,
  activated_at timestamp with time zone,
  deactivated_at timestamp with time zone,
  expires_at timestamp with time zone,
  compromised_at timestamp with time zone,
  destroyed_at timestamp with time zone,
  CONSTRAINT keys_pkey PRIMARY KEY (id),
  CONSTRAINT keys_state_check CHECK ((state = ANY (ARRAY['pre-active'::text, 'active'::text, 'deactivated'::text, 'compromised'::text, 'destroyed'::text])))
);
CREATE UNIQUE INDEX keys_one_active ON public.keys USING btree (purpose) WHERE (state = 'active'::text);
COMMENT ON COLUMN keys.wrapped IS 'the key, sealed under the root key (seal format 1)';

CREATE TABLE migrations (
  id integer NOT NULL DEFAULT nextval('migrations_id_seq'::regclass),
  name character varying(255),
  batch integer,
  migration_time timestamp with time zone,
  CONSTRAINT migrations_pkey PRIMARY KEY (id)
);

CREATE TABLE migrations_lock (
  index integer NOT NULL DEFAULT nextval('migrations_lock_index_seq'::regclass),
  is_locked integer,
  CONSTRAINT migrations_lock_pkey PRIMARY KEY (index)
);

CREATE TABLE notices (
  created_at timestamp with time zone NOT NULL,
  next_at timestamp with time zone NOT NULL,
  delivered_at timestamp with time zone,
  attempts integer NOT NULL DEFAULT 0,
  id text NOT NULL,
  event text NOT NULL,
  fault text,
  CONSTRAINT notices_pkey PRIMARY KEY (id)
);
CREATE INDEX notices_delivered ON public.notices USING btree (delivered_at) WHERE (delivered_at IS NOT NULL);
CREATE INDEX notices_waiting ON public.notices USING btree (next_at) WHERE (delivered_at IS NULL);
COMMENT ON COLUMN notices.event IS 'the audit event that says what the notice is about';
COMMENT ON COLUMN notices.fault IS 'why the last attempt failed, in words of the vault';

CREATE TABLE outside_checkpoints (
  size bigint NOT NULL,
  root bytea NOT NULL,
  note text,
  source text NOT NULL,
  seen_at timestamp with time zone NOT NULL,
  settled_by text,
  CONSTRAINT outside_checkpoints_pkey PRIMARY KEY (size, root),
  CONSTRAINT outside_checkpoints_size_check CHECK ((size >= 0))
);
CREATE INDEX outside_checkpoints_open ON public.outside_checkpoints USING btree (size) WHERE (settled_by IS NULL);
COMMENT ON TABLE outside_checkpoints IS 'checkpoints that were seen outside and that this log does not contain';
COMMENT ON COLUMN outside_checkpoints.size IS 'the leaves of the log; 0 for a line of the ledger of erasures';
COMMENT ON COLUMN outside_checkpoints.root IS 'empty where a witness says no more than the size';
COMMENT ON COLUMN outside_checkpoints.note IS 'the signed note; null where a witness says no more than the size';
COMMENT ON COLUMN outside_checkpoints.source IS 'the name of the target or of the witness';
COMMENT ON COLUMN outside_checkpoints.settled_by IS 'the restore.apply or restore.waive event; null while nothing is read';

CREATE TABLE partner_clients (
  client text NOT NULL,
  partner text NOT NULL,
  CONSTRAINT partner_clients_pkey PRIMARY KEY (client)
);
COMMENT ON TABLE partner_clients IS 'the clients that belong to partners';

CREATE TABLE partners (
  id text NOT NULL,
  name text NOT NULL,
  country text NOT NULL,
  contact text NOT NULL,
  purposes text[] NOT NULL,
  fields text[] NOT NULL,
  ends_at timestamp with time zone NOT NULL,
  created_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  mac bytea,
  keys jsonb,
  CONSTRAINT partners_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE partners IS 'third parties, and what their contracts let them see';
COMMENT ON COLUMN partners.mac IS 'HMAC-SHA-256 over the contract, behind the id of its access-mac key; gone with its end';
COMMENT ON COLUMN partners.keys IS 'the public keys that releases to the partner are encrypted to, as a JWK Set; null for none';

CREATE TABLE privacy_policies (
  version text NOT NULL,
  document text NOT NULL,
  published_at timestamp with time zone NOT NULL,
  adopted_at timestamp with time zone,
  CONSTRAINT privacy_policies_pkey PRIMARY KEY (version)
);
COMMENT ON TABLE privacy_policies IS 'the published versions of the privacy policy; the access ledger covers all of them';
COMMENT ON COLUMN privacy_policies.document IS 'the file as it was published: front matter and Markdown';
COMMENT ON COLUMN privacy_policies.adopted_at IS 'when an operator said that records of no published version count as this one; the latest holds';

CREATE TABLE privacy_requests (
  created_at timestamp with time zone NOT NULL,
  due_at timestamp with time zone NOT NULL,
  closed_at timestamp with time zone,
  version integer NOT NULL,
  site smallint NOT NULL,
  facts_key smallint NOT NULL,
  id text NOT NULL,
  facts_sealed bytea NOT NULL,
  CONSTRAINT privacy_requests_pkey PRIMARY KEY (id)
);
CREATE INDEX privacy_requests_due ON public.privacy_requests USING btree (due_at) WHERE (closed_at IS NULL);
CREATE INDEX privacy_requests_of_site ON public.privacy_requests USING btree (site, id);
COMMENT ON COLUMN privacy_requests.due_at IS 'until when it must be answered';
COMMENT ON COLUMN privacy_requests.closed_at IS 'when it was done or refused';
COMMENT ON COLUMN privacy_requests.facts_sealed IS 'the customer, what is asked, how identity was proved and everything else about the request, sealed';

CREATE TABLE rate_limits (
  key character varying(255) NOT NULL,
  points integer NOT NULL DEFAULT 0,
  expire bigint,
  reserved integer NOT NULL DEFAULT 0,
  granted integer NOT NULL DEFAULT 0,
  pauses integer NOT NULL DEFAULT 0,
  CONSTRAINT rate_limits_pkey PRIMARY KEY (key)
);
CREATE INDEX rate_limits_expire ON public.rate_limits USING btree (expire);
COMMENT ON COLUMN rate_limits.key IS 'what is limited, and a keyed hash of whose count it is';
COMMENT ON COLUMN rate_limits.points IS 'what counted';
COMMENT ON COLUMN rate_limits.expire IS 'when the count begins again, in milliseconds since 1970';
COMMENT ON COLUMN rate_limits.reserved IS 'what is in flight and counts until it is given back';
COMMENT ON COLUMN rate_limits.granted IS 'how much of the last reservation or settlement was taken';
COMMENT ON COLUMN rate_limits.pauses IS 'how often the limit was reached before a day went by without it';

CREATE TABLE record_versions (
  replaced_at timestamp with time zone NOT NULL,
  token uuid NOT NULL,
  version integer NOT NULL,
  kind smallint NOT NULL,
  site smallint NOT NULL,
  display_key smallint NOT NULL,
  secret_key smallint NOT NULL,
  display_sealed bytea NOT NULL,
  secret_sealed bytea NOT NULL,
  CONSTRAINT record_versions_pkey PRIMARY KEY (token, version)
);
COMMENT ON COLUMN record_versions.display_sealed IS 'the display part as it was before a correction, sealed';
COMMENT ON COLUMN record_versions.secret_sealed IS 'the details as they were before a correction, sealed';

CREATE TABLE records (
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone,
  erased_at timestamp with time zone,
  token uuid NOT NULL,
  version integer NOT NULL,
  policy integer,
  consents integer NOT NULL,
  kind smallint NOT NULL,
  site smallint NOT NULL,
  display_key smallint,
  secret_key smallint,
  terms bytea NOT NULL,
  display_sealed bytea,
  secret_sealed bytea,
  idempotency_hash bytea,
  CONSTRAINT records_pkey PRIMARY KEY (token),
  CONSTRAINT records_sealed_until_erased CHECK (((erased_at IS NULL) = ((display_sealed IS NOT NULL) AND (secret_sealed IS NOT NULL) AND (display_key IS NOT NULL) AND (secret_key IS NOT NULL)))),
  CONSTRAINT records_version_check CHECK ((version > 0))
) WITH (autovacuum_analyze_scale_factor=0.02, autovacuum_vacuum_insert_scale_factor=0.05, autovacuum_vacuum_scale_factor=0.02);
COMMENT ON COLUMN records.updated_at IS 'null until the record is corrected or erased';
COMMENT ON COLUMN records.token IS 'the 16 bytes of the token, which begins with what its kind says';
COMMENT ON COLUMN records.terms IS 'the terms of search_terms that lead here, 16 bytes each, one after the other';
COMMENT ON COLUMN records.display_sealed IS 'what a masked view shows, sealed under a display key (seal format 1)';
COMMENT ON COLUMN records.secret_sealed IS 'all details of the record, sealed under a secret key (seal format 1)';

CREATE TABLE reveal_reasons (
  reason_key smallint NOT NULL,
  event text NOT NULL,
  reason_sealed bytea NOT NULL,
  CONSTRAINT reveal_reasons_pkey PRIMARY KEY (event)
);
COMMENT ON COLUMN reveal_reasons.reason_sealed IS 'what a caller wrote as the reason of a reveal, sealed';

CREATE TABLE role_sets (
  revision integer NOT NULL,
  roles text NOT NULL,
  mac bytea NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT role_sets_pkey PRIMARY KEY (revision),
  CONSTRAINT role_sets_revision_check CHECK ((revision > 0))
);
COMMENT ON TABLE role_sets IS 'the roles that operators applied; the highest revision is in force, without any the built-in set';
COMMENT ON COLUMN role_sets.roles IS 'the file of roles, RFC 8785';
COMMENT ON COLUMN role_sets.mac IS 'HMAC-SHA-256 over the revision and the roles, behind the id of its access-mac key';

CREATE TABLE root_keys (
  id text NOT NULL,
  provider text NOT NULL,
  parameters jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL,
  state text NOT NULL DEFAULT 'active'::text,
  activated_at timestamp with time zone,
  deactivated_at timestamp with time zone,
  expires_at timestamp with time zone,
  CONSTRAINT root_keys_pkey PRIMARY KEY (id),
  CONSTRAINT root_keys_state_check CHECK ((state = ANY (ARRAY['active'::text, 'deactivated'::text, 'compromised'::text, 'destroyed'::text])))
);

CREATE TABLE rotations (
  purpose text NOT NULL,
  operator text NOT NULL,
  requested_at timestamp with time zone NOT NULL,
  begun_at timestamp with time zone,
  detached boolean NOT NULL,
  rows_per_second integer,
  runner text,
  runner_since timestamp with time zone,
  moved bigint NOT NULL DEFAULT 0,
  total bigint NOT NULL DEFAULT 0,
  damaged integer NOT NULL DEFAULT 0,
  finished_at timestamp with time zone,
  keeps_keys boolean NOT NULL DEFAULT false,
  CONSTRAINT rotations_pkey PRIMARY KEY (purpose)
);
COMMENT ON TABLE rotations IS 'the latest rotation of the keys of each purpose; unfinished ones are gone on with';
COMMENT ON COLUMN rotations.detached IS 'a server runs it, whichever takes the lock first';
COMMENT ON COLUMN rotations.runner IS 'host and process that runs it, or ran it last';
COMMENT ON COLUMN rotations.keeps_keys IS 'index keys that it empties are kept, rather than destroyed';

CREATE TABLE search_terms (
  token uuid NOT NULL,
  key smallint NOT NULL,
  term bytea NOT NULL,
  mac bytea,
  CONSTRAINT search_terms_pkey PRIMARY KEY (term, token, key),
  CONSTRAINT search_terms_term_check CHECK ((length(term) = 16))
);
COMMENT ON TABLE search_terms IS 'what records are found by, a partition for each index key';
COMMENT ON COLUMN search_terms.key IS 'the number of the index key in the dictionary';
COMMENT ON COLUMN search_terms.term IS 'the first 16 bytes of HMAC-SHA-256 under the index key over site, type and normalised value';
COMMENT ON COLUMN search_terms.mac IS 'HMAC-SHA-256 under the same index key over all 32 bytes of the term, its type, and site, token and version of the record';

CREATE TABLE security_code_keys (
  accepts_until timestamp with time zone NOT NULL,
  public_key bytea NOT NULL,
  mac bytea NOT NULL,
  CONSTRAINT security_code_keys_pkey PRIMARY KEY (public_key)
);
COMMENT ON COLUMN security_code_keys.accepts_until IS 'until when codes are sealed to the key, unless its process publishes it again';
COMMENT ON COLUMN security_code_keys.public_key IS 'X25519; the private key is in the memory of one server process alone';

CREATE TABLE security_codes (
  expires_at timestamp with time zone NOT NULL,
  id text NOT NULL,
  recipients bytea[] NOT NULL,
  seals bytea[] NOT NULL,
  mac bytea NOT NULL,
  CONSTRAINT security_codes_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=1000);
CREATE INDEX security_codes_expires ON public.security_codes USING btree (expires_at);
COMMENT ON COLUMN security_codes.recipients IS 'the public keys of the processes that can open the code';
COMMENT ON COLUMN security_codes.seals IS 'the code, sealed to each of them';

CREATE TABLE settings (
  name text NOT NULL,
  value text NOT NULL,
  CONSTRAINT settings_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE settings IS 'what a server tells the commands beside it, such as its issuer';

CREATE TABLE spent_ids (
  id bytea NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT spent_ids_pkey PRIMARY KEY (id)
) WITH (autovacuum_analyze_scale_factor=0.05, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=1000);
CREATE INDEX spent_ids_expires ON public.spent_ids USING btree (expires_at);
COMMENT ON TABLE spent_ids IS 'the jti of client assertions (RFC 7523) and DPoP proofs (RFC 9449) that were accepted';
COMMENT ON COLUMN spent_ids.id IS 'SHA-256 over the kind of statement, who signed it and its jti';

CREATE TABLE suspended_callers (
  caller text NOT NULL,
  role text NOT NULL,
  purpose text NOT NULL,
  suspended_at timestamp with time zone NOT NULL,
  CONSTRAINT suspended_callers_pkey PRIMARY KEY (caller)
);
COMMENT ON TABLE suspended_callers IS 'who went beyond a budget that suspends, until an operator lifts it';

CREATE TABLE visit_counts (
  day date NOT NULL,
  measure text NOT NULL,
  count bigint NOT NULL,
  CONSTRAINT visit_counts_pkey PRIMARY KEY (day, measure)
);
COMMENT ON TABLE visit_counts IS 'how often something happened on the pages for shoppers in a day, by no person';

GRANT USAGE ON SCHEMA public TO strongroom_runtime;
GRANT USAGE ON SEQUENCE audit_positions TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT ON TABLE access_ledger TO strongroom_runtime;
GRANT SELECT ON TABLE access_version TO strongroom_runtime;
GRANT SELECT ON TABLE approval_uses TO strongroom_runtime;
GRANT INSERT ON TABLE approval_uses (approval) TO strongroom_runtime;
GRANT INSERT ON TABLE approval_uses (event) TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE approvals TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE audit_checkpoints TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE audit_claims TO strongroom_runtime;
GRANT UPDATE ON TABLE audit_claims (change) TO strongroom_runtime;
GRANT UPDATE ON TABLE audit_claims (claim) TO strongroom_runtime;
GRANT UPDATE ON TABLE audit_claims (mac) TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE audit_cosignatures TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE audit_events TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE audit_head TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE audit_leaves TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE audit_missing TO strongroom_runtime;
GRANT UPDATE ON TABLE audit_missing (resumed_by) TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE audit_processes TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE audit_shipments TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE audit_subtrees TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT ON TABLE budget_records TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE checkout_sessions TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE clients TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE destination_secrets TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE destination_sets TO strongroom_runtime;
GRANT UPDATE ON TABLE destination_sets (mac) TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE dictionary TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT ON TABLE disabled_staff TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE erasures TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE forwards TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT ON TABLE holds TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE idempotency_keys TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE kept_limits TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE key_registry TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE key_retirements TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE key_uses TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE keys TO strongroom_runtime;
GRANT SELECT ON TABLE migrations TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE notices TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE outside_checkpoints TO strongroom_runtime;
GRANT UPDATE ON TABLE outside_checkpoints (settled_by) TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE partner_clients TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE partners TO strongroom_runtime;
GRANT UPDATE ON TABLE partners (ended_at) TO strongroom_runtime;
GRANT UPDATE ON TABLE partners (keys) TO strongroom_runtime;
GRANT UPDATE ON TABLE partners (mac) TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE privacy_policies TO strongroom_runtime;
GRANT UPDATE ON TABLE privacy_policies (adopted_at) TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE privacy_requests TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE rate_limits TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE record_versions TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE records TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE reveal_reasons TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE role_sets TO strongroom_runtime;
GRANT UPDATE ON TABLE role_sets (mac) TO strongroom_runtime;
GRANT INSERT, SELECT ON TABLE root_keys TO strongroom_runtime;
GRANT UPDATE ON TABLE root_keys (activated_at) TO strongroom_runtime;
GRANT UPDATE ON TABLE root_keys (deactivated_at) TO strongroom_runtime;
GRANT UPDATE ON TABLE root_keys (expires_at) TO strongroom_runtime;
GRANT UPDATE ON TABLE root_keys (state) TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE rotations TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE search_terms TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE security_code_keys TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT ON TABLE security_codes TO strongroom_runtime;
GRANT INSERT, SELECT, UPDATE ON TABLE settings TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT ON TABLE spent_ids TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT ON TABLE suspended_callers TO strongroom_runtime;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE visit_counts TO strongroom_runtime;

-- function attach_terms_partition(integer)
-- function audit_event_id_at(timestamp with time zone)
-- function audit_event_time(uuid)
-- function audit_has_partition(timestamp without time zone)
-- function audit_make_partition(timestamp without time zone,boolean)
-- function audit_partition_bounds()
-- function audit_partition_state(timestamp with time zone)
-- function audit_prepare_partitions()
-- function change_access_version()
-- function checkout_sessions_require_protecting_keys()
-- function destination_secrets_require_protecting_keys()
-- function drop_terms_partition(text)
-- function erasures_require_protecting_keys()
-- function forwards_require_protecting_keys()
-- function hold_to_change(uuid)
-- function hold_to_release(uuid[],boolean)
-- function id_of(text,text)
-- function id_uuid(text)
-- function idempotency_keys_require_protecting_keys()
-- function make_terms_partition(text)
-- function name_of(text,integer)
-- function privacy_requests_require_protecting_keys()
-- function record_lock(uuid)
-- function record_versions_require_protecting_keys()
-- function records_require_protecting_keys()
-- function reveal_reasons_require_protecting_keys()
-- function search_terms_require_protecting_keys()
-- function sweep_approval_uses(integer)
-- function terms_partition(integer)
-- function uuid_id(text,uuid)
-- sequence audit_claims_change_seq
-- sequence audit_positions
-- sequence migrations_id_seq
-- sequence migrations_lock_index_seq
-- trigger access_version on access_ledger, always: CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR DELETE OR UPDATE ON public.access_ledger DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version()
-- trigger access_version on clients, always: CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR DELETE OR UPDATE ON public.clients DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version()
-- trigger access_version on disabled_staff, always: CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR DELETE OR UPDATE ON public.disabled_staff DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version()
-- trigger access_version on partner_clients, always: CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR DELETE OR UPDATE ON public.partner_clients DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version()
-- trigger access_version on partners, always: CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR DELETE OR UPDATE ON public.partners DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version()
-- trigger access_version on privacy_policies, always: CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR DELETE OR UPDATE ON public.privacy_policies DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version()
-- trigger access_version on role_sets, always: CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR DELETE OR UPDATE ON public.role_sets DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version()
-- trigger access_version on suspended_callers, always: CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR DELETE OR UPDATE ON public.suspended_callers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version()
-- trigger access_version_truncated on access_ledger, always: CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON public.access_ledger FOR EACH STATEMENT EXECUTE FUNCTION change_access_version()
-- trigger access_version_truncated on clients, always: CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON public.clients FOR EACH STATEMENT EXECUTE FUNCTION change_access_version()
-- trigger access_version_truncated on disabled_staff, always: CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON public.disabled_staff FOR EACH STATEMENT EXECUTE FUNCTION change_access_version()
-- trigger access_version_truncated on partner_clients, always: CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON public.partner_clients FOR EACH STATEMENT EXECUTE FUNCTION change_access_version()
-- trigger access_version_truncated on partners, always: CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON public.partners FOR EACH STATEMENT EXECUTE FUNCTION change_access_version()
-- trigger access_version_truncated on privacy_policies, always: CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON public.privacy_policies FOR EACH STATEMENT EXECUTE FUNCTION change_access_version()
-- trigger access_version_truncated on role_sets, always: CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON public.role_sets FOR EACH STATEMENT EXECUTE FUNCTION change_access_version()
-- trigger access_version_truncated on suspended_callers, always: CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON public.suspended_callers FOR EACH STATEMENT EXECUTE FUNCTION change_access_version()
-- trigger protecting_keys_of_changed on checkout_sessions: CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON public.checkout_sessions FOR EACH ROW WHEN (((new.facts_key IS DISTINCT FROM old.facts_key) OR (new.facts_sealed IS DISTINCT FROM old.facts_sealed))) EXECUTE FUNCTION checkout_sessions_require_protecting_keys()
-- trigger protecting_keys_of_changed on destination_secrets: CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON public.destination_secrets FOR EACH ROW WHEN (((new.value_key IS DISTINCT FROM old.value_key) OR (new.value_sealed IS DISTINCT FROM old.value_sealed))) EXECUTE FUNCTION destination_secrets_require_protecting_keys()
-- trigger protecting_keys_of_changed on erasures: CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON public.erasures FOR EACH ROW WHEN (((new.customer_key IS NOT NULL) AND ((new.customer_key IS DISTINCT FROM old.customer_key) OR (new.customer IS DISTINCT FROM old.customer) OR (new.customer_mac IS DISTINCT FROM old.customer_mac)))) EXECUTE FUNCTION erasures_require_protecting_keys()
-- trigger protecting_keys_of_changed on forwards: CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON public.forwards FOR EACH ROW WHEN (((new.facts_key IS DISTINCT FROM old.facts_key) OR (new.facts_sealed IS DISTINCT FROM old.facts_sealed))) EXECUTE FUNCTION forwards_require_protecting_keys()
-- trigger protecting_keys_of_changed on idempotency_keys: CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON public.idempotency_keys FOR EACH ROW WHEN (((new.response_key IS DISTINCT FROM old.response_key) OR (new.response_sealed IS DISTINCT FROM old.response_sealed) OR (new.index_key IS DISTINCT FROM old.index_key) OR (new.key_hash IS DISTINCT FROM old.key_hash) OR (new.request_hash IS DISTINCT FROM old.request_hash))) EXECUTE FUNCTION idempotency_keys_require_protecting_keys()
-- trigger protecting_keys_of_changed on privacy_requests: CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON public.privacy_requests FOR EACH ROW WHEN (((new.facts_key IS DISTINCT FROM old.facts_key) OR (new.facts_sealed IS DISTINCT FROM old.facts_sealed))) EXECUTE FUNCTION privacy_requests_require_protecting_keys()
-- trigger protecting_keys_of_changed on record_versions: CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON public.record_versions FOR EACH ROW WHEN (((new.display_key IS DISTINCT FROM old.display_key) OR (new.display_sealed IS DISTINCT FROM old.display_sealed) OR (new.secret_key IS DISTINCT FROM old.secret_key) OR (new.secret_sealed IS DISTINCT FROM old.secret_sealed))) EXECUTE FUNCTION record_versions_require_protecting_keys()
-- trigger protecting_keys_of_changed on records: CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON public.records FOR EACH ROW WHEN (((new.display_key IS DISTINCT FROM old.display_key) OR (new.display_sealed IS DISTINCT FROM old.display_sealed) OR (new.secret_key IS DISTINCT FROM old.secret_key) OR (new.secret_sealed IS DISTINCT FROM old.secret_sealed))) EXECUTE FUNCTION records_require_protecting_keys()
-- trigger protecting_keys_of_changed on reveal_reasons: CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON public.reveal_reasons FOR EACH ROW WHEN (((new.reason_key IS DISTINCT FROM old.reason_key) OR (new.reason_sealed IS DISTINCT FROM old.reason_sealed))) EXECUTE FUNCTION reveal_reasons_require_protecting_keys()
-- trigger protecting_keys_of_changed on search_terms: CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON public.search_terms FOR EACH ROW WHEN (((new.key IS DISTINCT FROM old.key) OR (new.term IS DISTINCT FROM old.term) OR (new.mac IS DISTINCT FROM old.mac))) EXECUTE FUNCTION search_terms_require_protecting_keys()
-- trigger protecting_keys_of_new on checkout_sessions: CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON public.checkout_sessions REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION checkout_sessions_require_protecting_keys()
-- trigger protecting_keys_of_new on destination_secrets: CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON public.destination_secrets REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION destination_secrets_require_protecting_keys()
-- trigger protecting_keys_of_new on erasures: CREATE TRIGGER protecting_keys_of_new BEFORE INSERT ON public.erasures FOR EACH ROW WHEN ((new.customer_key IS NOT NULL)) EXECUTE FUNCTION erasures_require_protecting_keys()
-- trigger protecting_keys_of_new on forwards: CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON public.forwards REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION forwards_require_protecting_keys()
-- trigger protecting_keys_of_new on idempotency_keys: CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON public.idempotency_keys REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION idempotency_keys_require_protecting_keys()
-- trigger protecting_keys_of_new on privacy_requests: CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON public.privacy_requests REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION privacy_requests_require_protecting_keys()
-- trigger protecting_keys_of_new on record_versions: CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON public.record_versions REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION record_versions_require_protecting_keys()
-- trigger protecting_keys_of_new on records: CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON public.records REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION records_require_protecting_keys()
-- trigger protecting_keys_of_new on reveal_reasons: CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON public.reveal_reasons REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION reveal_reasons_require_protecting_keys()
-- trigger protecting_keys_of_new on search_terms: CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON public.search_terms REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION search_terms_require_protecting_keys()
