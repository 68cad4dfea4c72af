-- Access: clients and their credentials, partners, roles, members of staff who are refused, approvals, and limits.

CREATE TABLE clients (
  id                         text PRIMARY KEY,
  name                       text NOT NULL,
  role                       text,
  scopes                     text[] NOT NULL,
  site                       text NOT NULL,
  secret_hash                text,
  created_at                 timestamptz NOT NULL,
  revoked_at                 timestamptz,
  secret_start               text,
  secret_expires_at          timestamptz,
  previous_secret_hash       text,
  previous_secret_expires_at timestamptz,
  keys                       jsonb,
  certificate                text,
  mac                        bytea,
  previous_secret_start      text,
  CONSTRAINT clients_one_way_in CHECK (num_nonnulls(secret_hash, keys, certificate) = 1)
);
COMMENT ON COLUMN clients.secret_hash IS 'argon2id, PHC string';
COMMENT ON COLUMN clients.secret_start IS 'the first characters of the secret, which tell it from the previous one';
COMMENT ON COLUMN clients.previous_secret_hash IS 'argon2id, PHC string; works until previous_secret_expires_at';
COMMENT ON COLUMN clients.keys IS 'public keys as a JWK Set (RFC 7517), for private_key_jwt';
COMMENT ON COLUMN clients.certificate IS 'what the client certificate must show (RFC 8705): form, colon, value';
COMMENT ON COLUMN clients.mac IS 'HMAC-SHA-256 over the client, its credentials and its partner, behind the id of its access-mac key; gone with a revocation';
COMMENT ON COLUMN clients.previous_secret_start IS 'the first characters of the secret before; null for one from before this was kept';
GRANT SELECT, INSERT, UPDATE ON clients TO strongroom_runtime;

-- On whichever server a signed statement arrives first, it counts once. Every row goes within a day.
CREATE TABLE spent_ids (
  id         bytea PRIMARY KEY,
  expires_at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX spent_ids_expires ON spent_ids (expires_at);
COMMENT ON TABLE spent_ids IS 'the jti of client assertions (RFC 7523) and DPoP proofs (RFC 9449) that were accepted';
COMMENT ON COLUMN spent_ids.id IS 'SHA-256 over the kind of statement, who signed it and its jti';
GRANT SELECT, INSERT, DELETE ON spent_ids TO strongroom_runtime;

CREATE TABLE partners (
  id         text PRIMARY KEY,
  name       text NOT NULL,
  country    text NOT NULL,
  contact    text NOT NULL,
  purposes   text[] NOT NULL,
  fields     text[] NOT NULL,
  ends_at    timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  ended_at   timestamptz,
  mac        bytea
);
COMMENT ON TABLE partners IS 'third parties, and what their contracts let them see';
COMMENT ON COLUMN partners.mac IS 'HMAC-SHA-256 over the contract, behind the id of its access-mac key; gone with its end';
GRANT SELECT, INSERT, UPDATE (ended_at, mac) ON partners TO strongroom_runtime;

-- Rows are added and never changed.
CREATE TABLE partner_clients (
  client  text PRIMARY KEY,
  partner text NOT NULL
);
COMMENT ON TABLE partner_clients IS 'the clients that belong to partners';
GRANT SELECT, INSERT ON partner_clients TO strongroom_runtime;

-- Rows are added and never changed, but for the MAC of the newest set when the key of its MAC is replaced.
CREATE TABLE role_sets (
  revision   integer PRIMARY KEY CHECK (revision > 0),
  roles      text NOT NULL,
  mac        bytea NOT NULL,
  created_at timestamptz NOT NULL
);
COMMENT ON TABLE role_sets IS 'the roles that operators applied; the highest revision is in force, without any the built-in set';
COMMENT ON COLUMN role_sets.roles IS 'the file of roles, RFC 8785';
COMMENT ON COLUMN role_sets.mac IS 'HMAC-SHA-256 over the revision and the roles, behind the id of its access-mac key';
GRANT SELECT, INSERT, UPDATE (mac) ON role_sets TO strongroom_runtime;

CREATE TABLE disabled_staff (
  id          text PRIMARY KEY,
  disabled_at timestamptz NOT NULL,
  folded      text
);
CREATE INDEX disabled_staff_folded ON disabled_staff (folded);
COMMENT ON TABLE disabled_staff IS 'members of staff whose tokens are refused, whoever signed them';
COMMENT ON COLUMN disabled_staff.folded IS 'the id as it is compared: NFKC, lower case; empty when an earlier version wrote the row';
GRANT SELECT, INSERT, DELETE ON disabled_staff TO strongroom_runtime;

CREATE TABLE suspended_callers (
  caller       text PRIMARY KEY,
  role         text NOT NULL,
  purpose      text NOT NULL,
  suspended_at timestamptz NOT NULL
);
COMMENT ON TABLE suspended_callers IS 'who went beyond a budget that suspends, until an operator lifts it';
GRANT SELECT, INSERT, DELETE ON suspended_callers TO strongroom_runtime;

-- Every change of access in turn, so that a row of the past, which has its own MAC, does not pass for the present
-- one. Entries are added. All of them are written again when the key of their MACs is replaced.
CREATE TABLE access_ledger (
  generation integer PRIMARY KEY CHECK (generation > 0),
  subject    text NOT NULL,
  state      text,
  mac        bytea NOT NULL
);
COMMENT ON TABLE access_ledger IS 'the changes of clients, contracts, roles, disabled staff and suspended callers, each over the one before';
COMMENT ON COLUMN access_ledger.state IS 'SHA-256 of what the subject is now, in hexadecimal; empty when nothing of it is in force';
COMMENT ON COLUMN access_ledger.mac IS 'HMAC-SHA-256 over the entry and the MAC of the entry before, behind the id of its access-mac key';
GRANT SELECT, INSERT, DELETE ON access_ledger TO strongroom_runtime;

-- One row that has another value whenever anything was changed that may let a caller in or keep one out, so that a
-- server reads that row alone on every request. The triggers are deferred: whatever changes the row locks it last and
-- briefly. They run ALWAYS, so also for what replication writes.
CREATE TABLE access_version (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version  uuid NOT NULL
);
COMMENT ON TABLE access_version IS 'names the present state of clients, partners, roles, disabled staff and suspended callers';
INSERT INTO access_version (version) VALUES (gen_random_uuid());
GRANT SELECT ON access_version TO strongroom_runtime;

CREATE FUNCTION change_access_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, {schema}, pg_temp AS $$
    BEGIN
      -- Once in a transaction is enough, however many rows it changes.
      INSERT INTO {schema}.access_version AS v (version) VALUES (gen_random_uuid())
        ON CONFLICT (only_row) DO UPDATE SET version = excluded.version WHERE v.xmin <> pg_current_xact_id()::xid;
      RETURN NULL;
    END $$;
COMMENT ON FUNCTION change_access_version IS 'gives access_version another value, which it never had before';
REVOKE ALL ON FUNCTION change_access_version FROM PUBLIC;

DO $$
DECLARE
  watched text;
BEGIN
  FOREACH watched IN ARRAY ARRAY['clients', 'disabled_staff', 'suspended_callers', 'partner_clients', 'partners',
                                 'role_sets', 'access_ledger'] LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR UPDATE OR DELETE ON %I
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version()', watched);
    EXECUTE format('CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION change_access_version()', watched);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER access_version', watched);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER access_version_truncated', watched);
  END LOOP;
END $$;

-- What is long over is swept; the log keeps its events.
CREATE TABLE approvals (
  id             text PRIMARY KEY,
  caller         text NOT NULL,
  role           text NOT NULL,
  site           text NOT NULL,
  token          text NOT NULL,
  fields         text[] NOT NULL,
  purpose        text NOT NULL,
  ticket         text,
  state          text NOT NULL CHECK (state IN ('pending', 'approved', 'refused', 'used', 'unreviewed', 'reviewed')),
  requested_at   timestamptz NOT NULL,
  expires_at     timestamptz NOT NULL,
  decided_by     text,
  decided_at     timestamptz,
  mac            bytea,
  authority      text,
  record_version integer,
  log_size       bigint,
  request_mac    bytea,
  CONSTRAINT approvals_by_another CHECK (decided_by <> caller)
);
CREATE INDEX approvals_caller ON approvals (caller) WHERE state IN ('pending', 'approved', 'unreviewed');
CREATE INDEX approvals_open ON approvals (site, (state <> 'unreviewed'), id) WHERE state IN ('pending', 'unreviewed');
CREATE INDEX approvals_token ON approvals (token);
COMMENT ON TABLE approvals IS 'releases that need a second person; their reasons are in reveal_reasons, sealed';
COMMENT ON COLUMN approvals.state IS 'what people see; whether an approval was used, approval_uses says';
COMMENT ON COLUMN approvals.mac IS 'of what was approved, and of nothing else: HMAC-SHA-256 over the verdict, the request, who decided and when, behind the id of its access-mac key';
COMMENT ON COLUMN approvals.authority IS 'the authority in whose name the release is asked for; the ticket then is its case';
COMMENT ON COLUMN approvals.record_version IS 'the version of the record that is asked for; empty for requests that were decided before there was this column';
COMMENT ON COLUMN approvals.log_size IS 'how many leaves the log had when this was approved: the event of its release comes behind them';
COMMENT ON COLUMN approvals.request_mac IS 'HMAC-SHA-256 over what was asked, by which caller and when, behind the id of its access-mac key';
GRANT SELECT, INSERT, UPDATE, DELETE ON approvals TO strongroom_runtime;

-- An approval is used once because of a row that is only ever added, in the transaction of its release.
CREATE TABLE approval_uses (
  approval text PRIMARY KEY,
  event    text NOT NULL,
  used_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX approval_uses_used_at ON approval_uses (used_at);
COMMENT ON TABLE approval_uses IS 'which approvals have let a release out; the server can add a row, and change or remove none';
COMMENT ON COLUMN approval_uses.event IS 'the event of the release, which commits with the row';
GRANT SELECT, INSERT (approval, event) ON approval_uses TO strongroom_runtime;

-- A sweep is in pages, and no page locks many rows.
CREATE FUNCTION sweep_approval_uses(most integer DEFAULT 1000) RETURNS SETOF text LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, {schema}, pg_temp AS $$
      DELETE FROM {schema}.approval_uses WHERE approval IN (
        SELECT approval FROM {schema}.approval_uses u WHERE used_at < now() - interval '400 days'
          AND NOT EXISTS (SELECT FROM {schema}.approvals a WHERE a.id = u.approval)
        LIMIT most FOR UPDATE SKIP LOCKED)
      RETURNING approval
    $$;
COMMENT ON FUNCTION sweep_approval_uses IS 'removes the uses of approvals that were removed long ago, by the clock of the database, so many at the most';
REVOKE ALL ON FUNCTION sweep_approval_uses FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sweep_approval_uses TO strongroom_runtime;

CREATE TABLE budget_records (
  caller    text NOT NULL,
  role      text NOT NULL,
  purpose   text NOT NULL,
  span      text NOT NULL CHECK (span IN ('hour', 'day')),
  starts_at timestamptz NOT NULL,
  record    text NOT NULL,
  PRIMARY KEY (caller, role, purpose, span, starts_at, record)
);
CREATE INDEX budget_records_starts ON budget_records (starts_at);
COMMENT ON TABLE budget_records IS 'the records that a caller with a budget has asked for, once for each hour and day';
COMMENT ON COLUMN budget_records.purpose IS 'a purpose; empty for masked views and searches, * for everything together, a scope for what is corrected or erased';
GRANT SELECT, INSERT, DELETE ON budget_records TO strongroom_runtime;

-- Limits count before the work: what is in flight is reserved, and is given back or becomes a point. The table is
-- unlogged: after a crash the counts begin again, and nothing else is lost.
CREATE UNLOGGED TABLE rate_limits (
  key      varchar(255) PRIMARY KEY,
  points   integer NOT NULL DEFAULT 0,
  expire   bigint,
  reserved integer NOT NULL DEFAULT 0,
  granted  integer NOT NULL DEFAULT 0,
  pauses   integer NOT NULL DEFAULT 0
);
CREATE INDEX rate_limits_expire ON rate_limits (expire);
COMMENT ON COLUMN rate_limits.key IS 'what is limited, and a keyed hash of whose count it is';
COMMENT ON COLUMN rate_limits.points IS 'what counted';
COMMENT ON COLUMN rate_limits.expire IS 'when the count begins again, in milliseconds since 1970';
COMMENT ON COLUMN rate_limits.reserved IS 'what is in flight and counts until it is given back';
COMMENT ON COLUMN rate_limits.granted IS 'how much of the last reservation or settlement was taken';
COMMENT ON COLUMN rate_limits.pauses IS 'how often the limit was reached before a day went by without it';
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limits TO strongroom_runtime;

-- Logged, unlike the other: a crash must not begin the count of a day or of a month again.
CREATE TABLE kept_limits (LIKE rate_limits INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS);
ALTER TABLE kept_limits ADD CONSTRAINT kept_limits_pkey PRIMARY KEY (key);
CREATE INDEX kept_limits_expire ON kept_limits (expire);
COMMENT ON TABLE kept_limits IS 'limits of a day and longer';
GRANT SELECT, INSERT, UPDATE, DELETE ON kept_limits TO strongroom_runtime;
