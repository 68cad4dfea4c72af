import type { Knex } from 'knex'
import { currentSchema } from '../src/database/current-schema.ts'

/**
 * Records, their search terms, the keys that seal them, callers, idempotency keys and the audit log.
 * Only ciphertext, wrapped keys and keyed hashes are stored. Every primary key and uniqueness rule holds when a table
 * is distributed by its first column, so there are no foreign keys between tables.
 *
 * The role `strongroom_runtime` gathers what a running server may do: no DDL, and INSERT and SELECT only on audit events.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  await knex.raw(`
    CREATE TABLE root_keys (
      id          text PRIMARY KEY,
      provider    text NOT NULL,
      parameters  jsonb NOT NULL,
      created_at  timestamptz NOT NULL
    );

    CREATE TABLE keys (
      id             text PRIMARY KEY,
      purpose        text NOT NULL CHECK (purpose IN ('display', 'secret', 'index', 'token-signing')),
      state          text NOT NULL CHECK (state IN ('pre-active', 'active', 'deactivated', 'compromised', 'destroyed')),
      root_key_id    text NOT NULL,
      wrapped        bytea,
      created_at     timestamptz NOT NULL,
      activated_at   timestamptz,
      deactivated_at timestamptz
    );
    CREATE UNIQUE INDEX keys_one_active ON keys (purpose) WHERE state = 'active';
    COMMENT ON COLUMN keys.wrapped IS 'the key, sealed under the root key (seal format 1)';

    CREATE TABLE records (
      token            text PRIMARY KEY,
      kind             text NOT NULL CHECK (kind IN ('card', 'address', 'contact')),
      site             text NOT NULL,
      version          integer NOT NULL CHECK (version > 0),
      policy_version   text,
      consents         text[] NOT NULL,
      display_key_id   text,
      display_sealed   bytea,
      secret_key_id    text,
      secret_sealed    bytea,
      terms            bytea NOT NULL,
      idempotency_hash bytea,
      created_at       timestamptz NOT NULL,
      updated_at       timestamptz NOT NULL,
      erased_at        timestamptz,
      CONSTRAINT records_sealed_until_erased CHECK (
        (erased_at IS NULL) = (display_sealed IS NOT NULL AND secret_sealed IS NOT NULL
                               AND display_key_id IS NOT NULL AND secret_key_id IS NOT NULL)
      )
    );
    -- Not with the token: under one key, new rows then go to the end of the index instead of to random pages.
    CREATE INDEX records_display_key ON records (display_key_id) WHERE display_key_id IS NOT NULL;
    CREATE INDEX records_secret_key ON records (secret_key_id) WHERE secret_key_id IS NOT NULL;
    COMMENT ON COLUMN records.terms IS 'the hashes of search_terms that lead here, 32 bytes each, one after the other';
    COMMENT ON COLUMN records.display_sealed IS 'what a masked view shows, sealed under a display key (seal format 1)';
    COMMENT ON COLUMN records.secret_sealed IS 'all details of the record, sealed under a secret key (seal format 1)';

    CREATE TABLE record_versions (
      token          text NOT NULL,
      version        integer NOT NULL,
      kind           text NOT NULL,
      site           text NOT NULL,
      display_key_id text NOT NULL,
      display_sealed bytea NOT NULL,
      secret_key_id  text NOT NULL,
      secret_sealed  bytea NOT NULL,
      replaced_at    timestamptz NOT NULL,
      PRIMARY KEY (token, version)
    );
    CREATE INDEX record_versions_display_key ON record_versions (display_key_id);
    CREATE INDEX record_versions_secret_key ON record_versions (secret_key_id);
    COMMENT ON COLUMN record_versions.display_sealed IS 'the display part as it was before a correction, sealed';
    COMMENT ON COLUMN record_versions.secret_sealed IS 'the details as they were before a correction, sealed';

    CREATE TABLE search_terms (
      term    bytea NOT NULL,
      token   text NOT NULL,
      key_id  text NOT NULL,
      PRIMARY KEY (term, token)
    );
    COMMENT ON COLUMN search_terms.term IS 'HMAC-SHA-256 under an index key over site, type and normalised value';

    CREATE TABLE idempotency_keys (
      key_hash        bytea PRIMARY KEY,
      request_hash    bytea NOT NULL,
      response_key_id text,
      response_sealed bytea,
      created_at      timestamptz NOT NULL,
      expires_at      timestamptz NOT NULL
    );
    CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);
    CREATE INDEX idempotency_keys_response_key ON idempotency_keys (response_key_id) WHERE response_key_id IS NOT NULL;
    COMMENT ON COLUMN idempotency_keys.key_hash IS 'HMAC-SHA-256 under an index key over caller and Idempotency-Key';
    COMMENT ON COLUMN idempotency_keys.response_sealed IS 'the answer to replay, sealed; null once a record in it is erased';

    CREATE TABLE settings (
      name  text PRIMARY KEY,
      value text NOT NULL
    );
    COMMENT ON TABLE settings IS 'what a server tells the commands beside it, such as its issuer';

    CREATE TABLE clients (
      id          text PRIMARY KEY,
      name        text NOT NULL,
      role        text,
      scopes      text[] NOT NULL,
      site        text NOT NULL,
      secret_hash text NOT NULL,
      created_at  timestamptz NOT NULL,
      revoked_at  timestamptz
    );
    COMMENT ON COLUMN clients.secret_hash IS 'argon2id, PHC string';

    -- Unlogged: after a crash the counts begin anew, and nothing else is lost.
    CREATE UNLOGGED TABLE rate_limits (
      key    varchar(255) PRIMARY KEY,
      points integer NOT NULL DEFAULT 0,
      expire bigint
    );
    COMMENT ON COLUMN rate_limits.key IS 'what is limited, and a keyed hash of the source address';

    CREATE TABLE audit_events (
      id          text PRIMARY KEY,
      occurred_at timestamptz NOT NULL,
      type        text NOT NULL,
      caller      text,
      token       text,
      site        text,
      body        text NOT NULL
    );
    CREATE INDEX audit_events_token ON audit_events (token, id) WHERE token IS NOT NULL;
    CREATE INDEX audit_events_caller ON audit_events (caller, id) WHERE caller IS NOT NULL;
    COMMENT ON COLUMN audit_events.body IS 'the event in its canonical form, RFC 8785; the other columns repeat parts of it';

    CREATE TABLE reveal_reasons (
      event         text PRIMARY KEY,
      reason_key_id text NOT NULL,
      reason_sealed bytea NOT NULL
    );
    CREATE INDEX reveal_reasons_key ON reveal_reasons (reason_key_id);
    COMMENT ON COLUMN reveal_reasons.reason_sealed IS 'what a caller wrote as the reason of a reveal, sealed';

    DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_runtime') THEN
        CREATE ROLE strongroom_runtime NOLOGIN;
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- another database of this cluster was migrated at the same moment
    END $$;

    REVOKE ALL ON SCHEMA ${schema} FROM PUBLIC;
    GRANT USAGE ON SCHEMA ${schema} TO strongroom_runtime;
    GRANT SELECT, INSERT ON root_keys, audit_events TO strongroom_runtime;
    GRANT SELECT, INSERT, UPDATE ON keys, records, clients, settings TO strongroom_runtime;
    GRANT SELECT, INSERT, UPDATE, DELETE ON record_versions, search_terms, idempotency_keys, reveal_reasons, rate_limits
      TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error('The first migration cannot be undone: it would destroy every record.')
}
