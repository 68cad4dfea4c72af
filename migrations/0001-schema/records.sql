-- Records and everything else that is sealed or hashed under keys. Only ciphertext and keyed hashes are stored.
-- Columns of a fixed width come first, so that nothing is padded.
--
-- No index leads over the key that a row is encrypted under: it would be written for every row that a rotation moves,
-- and keep the row from staying in its page. A census reads the table once.
--
-- The database refuses what the server's role has sealed or hashed under a key that may not protect any more, however
-- late it comes. A trigger looks the keys up with a statement of its own, so under READ COMMITTED they are those of
-- that moment. What was written before the key was retired may still commit after it, and `keys destroy` waits for
-- that. No row of keys is locked, so nothing waits for anything else. New rows are checked once for each statement,
-- changed ones each by itself: a row may keep what an older key made. The owner of the tables may put rows of a
-- backup back, as long as their keys open; the server's role may not. The conditions of the triggers compare column
-- by column, since PostgreSQL writes a comparison of whole rows into a dump in a form that it reads back as another
-- one.

-- PostgreSQL vacuums a table when a fifth of it is dead, which is late for a million records. An operator may set
-- other values: the comparison of the schema leaves them alone.
CREATE TABLE records (
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz,
  erased_at        timestamptz,
  token            uuid PRIMARY KEY,
  version          integer NOT NULL CHECK (version > 0),
  policy           integer,
  consents         integer NOT NULL,
  kind             smallint NOT NULL,
  site             smallint NOT NULL,
  display_key      smallint,
  secret_key       smallint,
  terms            bytea NOT NULL,
  display_sealed   bytea,
  secret_sealed    bytea,
  idempotency_hash bytea,
  CONSTRAINT records_sealed_until_erased CHECK (
    (erased_at IS NULL) = (display_sealed IS NOT NULL AND secret_sealed IS NOT NULL
                           AND display_key IS NOT NULL AND secret_key IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.02);
COMMENT ON COLUMN records.token IS 'the 16 bytes of the token, which begins with what its kind says';
COMMENT ON COLUMN records.updated_at IS 'null until the record is corrected or erased';
COMMENT ON COLUMN records.terms IS 'the terms of search_terms that lead here, 16 bytes each, one after the other';
COMMENT ON COLUMN records.display_sealed IS 'what a masked view shows, sealed under a display key (seal format 1)';
COMMENT ON COLUMN records.secret_sealed IS 'all details of the record, sealed under a secret key (seal format 1)';
GRANT SELECT, INSERT, UPDATE ON records TO strongroom_runtime;

CREATE FUNCTION records_require_protecting_keys() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM written WHERE (display_key IS NOT NULL AND display_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active')))) OR (secret_key IS NOT NULL AND secret_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active'))))) THEN
          RETURN NULL;
        END IF;
      ELSIF ((NEW.display_key IS DISTINCT FROM OLD.display_key OR NEW.display_sealed IS DISTINCT FROM OLD.display_sealed) AND (NEW.display_key IS NOT NULL AND NEW.display_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active')))) OR (NEW.secret_key IS DISTINCT FROM OLD.secret_key OR NEW.secret_sealed IS DISTINCT FROM OLD.secret_sealed) AND (NEW.secret_key IS NOT NULL AND NEW.secret_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active'))))) IS NOT TRUE THEN
        RETURN NEW;
      END IF;
      IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = 'records',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON records REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION records_require_protecting_keys();
CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON records FOR EACH ROW
  WHEN (NEW.display_key IS DISTINCT FROM OLD.display_key OR NEW.display_sealed IS DISTINCT FROM OLD.display_sealed
        OR NEW.secret_key IS DISTINCT FROM OLD.secret_key OR NEW.secret_sealed IS DISTINCT FROM OLD.secret_sealed)
  EXECUTE FUNCTION records_require_protecting_keys();

CREATE TABLE record_versions (
  replaced_at    timestamptz NOT NULL,
  token          uuid NOT NULL,
  version        integer NOT NULL,
  kind           smallint NOT NULL,
  site           smallint NOT NULL,
  display_key    smallint NOT NULL,
  secret_key     smallint NOT NULL,
  display_sealed bytea NOT NULL,
  secret_sealed  bytea NOT NULL,
  PRIMARY KEY (token, version)
);
COMMENT ON COLUMN record_versions.display_sealed IS 'the display part as it was before a correction, sealed';
COMMENT ON COLUMN record_versions.secret_sealed IS 'the details as they were before a correction, sealed';
GRANT SELECT, INSERT, UPDATE, DELETE ON record_versions TO strongroom_runtime;

CREATE FUNCTION record_versions_require_protecting_keys() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM written WHERE (display_key IS NOT NULL AND display_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active')))) OR (secret_key IS NOT NULL AND secret_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active'))))) THEN
          RETURN NULL;
        END IF;
      ELSIF ((NEW.display_key IS DISTINCT FROM OLD.display_key OR NEW.display_sealed IS DISTINCT FROM OLD.display_sealed) AND (NEW.display_key IS NOT NULL AND NEW.display_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active')))) OR (NEW.secret_key IS DISTINCT FROM OLD.secret_key OR NEW.secret_sealed IS DISTINCT FROM OLD.secret_sealed) AND (NEW.secret_key IS NOT NULL AND NEW.secret_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active'))))) IS NOT TRUE THEN
        RETURN NEW;
      END IF;
      IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = 'record_versions',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON record_versions REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION record_versions_require_protecting_keys();
CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON record_versions FOR EACH ROW
  WHEN (NEW.display_key IS DISTINCT FROM OLD.display_key OR NEW.display_sealed IS DISTINCT FROM OLD.display_sealed
        OR NEW.secret_key IS DISTINCT FROM OLD.secret_key OR NEW.secret_sealed IS DISTINCT FROM OLD.secret_sealed)
  EXECUTE FUNCTION record_versions_require_protecting_keys();

CREATE TABLE reveal_reasons (
  reason_key    smallint NOT NULL,
  event         text PRIMARY KEY,
  reason_sealed bytea NOT NULL
);
COMMENT ON COLUMN reveal_reasons.reason_sealed IS 'what a caller wrote as the reason of a reveal, sealed';
GRANT SELECT, INSERT, UPDATE, DELETE ON reveal_reasons TO strongroom_runtime;

CREATE FUNCTION reveal_reasons_require_protecting_keys() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM written WHERE (reason_key IS NOT NULL AND reason_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active'))))) THEN
          RETURN NULL;
        END IF;
      ELSIF ((NEW.reason_key IS DISTINCT FROM OLD.reason_key OR NEW.reason_sealed IS DISTINCT FROM OLD.reason_sealed) AND (NEW.reason_key IS NOT NULL AND NEW.reason_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active'))))) IS NOT TRUE THEN
        RETURN NEW;
      END IF;
      IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = 'reveal_reasons',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON reveal_reasons REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION reveal_reasons_require_protecting_keys();
CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON reveal_reasons FOR EACH ROW
  WHEN (NEW.reason_key IS DISTINCT FROM OLD.reason_key OR NEW.reason_sealed IS DISTINCT FROM OLD.reason_sealed)
  EXECUTE FUNCTION reveal_reasons_require_protecting_keys();

-- Every row goes within a day, and an answer may be long enough for TOAST.
CREATE TABLE idempotency_keys (
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  index_key       smallint NOT NULL,
  response_key    smallint,
  key_hash        bytea PRIMARY KEY,
  request_hash    bytea NOT NULL,
  response_sealed bytea
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05,
        toast.autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_vacuum_threshold = 1000);
CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);
COMMENT ON COLUMN idempotency_keys.index_key IS 'the index key that made the hashes';
COMMENT ON COLUMN idempotency_keys.key_hash IS 'HMAC-SHA-256 under an index key over caller and Idempotency-Key';
COMMENT ON COLUMN idempotency_keys.response_sealed IS 'the answer to replay, sealed; null once a record in it is erased';
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO strongroom_runtime;

-- A request is reserved under the index key that comes next as well, which seals and finds nothing yet.
CREATE FUNCTION idempotency_keys_require_protecting_keys() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM written WHERE (response_key IS NOT NULL AND response_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active')))) OR (index_key IS NOT NULL AND index_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active', 'pre-active'))))) THEN
          RETURN NULL;
        END IF;
      ELSIF ((NEW.response_key IS DISTINCT FROM OLD.response_key OR NEW.response_sealed IS DISTINCT FROM OLD.response_sealed) AND (NEW.response_key IS NOT NULL AND NEW.response_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active')))) OR (NEW.index_key IS DISTINCT FROM OLD.index_key OR NEW.key_hash IS DISTINCT FROM OLD.key_hash OR NEW.request_hash IS DISTINCT FROM OLD.request_hash) AND (NEW.index_key IS NOT NULL AND NEW.index_key <> ALL (ARRAY(SELECT d.id FROM {schema}.keys k JOIN {schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active', 'pre-active'))))) IS NOT TRUE THEN
        RETURN NEW;
      END IF;
      IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = 'idempotency_keys',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON idempotency_keys REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION idempotency_keys_require_protecting_keys();
CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON idempotency_keys FOR EACH ROW
  WHEN (NEW.response_key IS DISTINCT FROM OLD.response_key OR NEW.response_sealed IS DISTINCT FROM OLD.response_sealed
        OR NEW.index_key IS DISTINCT FROM OLD.index_key OR NEW.key_hash IS DISTINCT FROM OLD.key_hash
        OR NEW.request_hash IS DISTINCT FROM OLD.request_hash)
  EXECUTE FUNCTION idempotency_keys_require_protecting_keys();

-- A release is ordered against corrections and erasures by advisory locks: a row lock would write the row. A record's
-- lock is one of 1,024, so that the locks of large batches always fit into the lock table of the server.
-- hold_to_change is called before anything else of the record is locked, and hold_to_release takes its locks in
-- ascending order, so that no two transactions wait for each other in a circle. 1937011248 (0x73747230) is the first
-- half of these locks.

CREATE FUNCTION record_lock(token uuid) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT uuid_hash(token) & 1023 $$;
COMMENT ON FUNCTION record_lock IS 'which of 1,024 advisory locks is that of the record';

-- In PL/pgSQL every statement of a volatile function has a snapshot of its own: the second one is later than the
-- locks.
CREATE FUNCTION hold_to_release(wanted uuid[], may_wait boolean)
  RETURNS TABLE (held uuid, held_version integer, held_consents integer, is_locked boolean)
  LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
      locked integer[] := '{}';
    BEGIN
      IF may_wait THEN
        PERFORM pg_advisory_xact_lock_shared(1937011248, lock)
        FROM (SELECT DISTINCT {schema}.record_lock(token) AS lock FROM unnest(wanted) AS w (token) ORDER BY 1) AS l;
      ELSE
        SELECT coalesce(array_agg(lock), '{}') INTO locked
        FROM (SELECT DISTINCT {schema}.record_lock(token) AS lock FROM unnest(wanted) AS w (token)) AS l
        WHERE NOT pg_try_advisory_xact_lock_shared(1937011248, lock);
      END IF;
      RETURN QUERY
        SELECT r.token, r.version, r.consents, {schema}.record_lock(w.token) = ANY (locked)
        FROM (SELECT DISTINCT unnest(wanted)) AS w (token)
        CROSS JOIN LATERAL (SELECT * FROM {schema}.records WHERE token = w.token AND erased_at IS NULL OFFSET 0) AS r;
    END $$;
COMMENT ON FUNCTION hold_to_release IS 'the live records, kept from correction and erasure until the transaction ends; is_locked: another transaction has the lock, which was not waited for';

CREATE FUNCTION hold_to_change(token uuid) RETURNS void LANGUAGE sql VOLATILE AS $$ SELECT pg_advisory_xact_lock(1937011248, {schema}.record_lock(token)) $$;
COMMENT ON FUNCTION hold_to_change IS 'waits until every release of the record is committed or gone, and keeps others waiting until the transaction ends';

REVOKE ALL ON FUNCTION record_lock, hold_to_release, hold_to_change FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_lock, hold_to_release, hold_to_change TO strongroom_runtime;
