import type { Knex } from 'knex'
import { currentSchema } from '../../src/database/migration/current-schema.ts'
import { refuseDependents, whatOperatorsDecided } from '../../src/database/migration/table-options.ts'

/**
 * Rotations update rows in their place, and terms under another index key stand in a table of their own.
 *
 * An index over the key that a row is encrypted under would be written for every row that moves to another key, and keeps the row from
 * staying in its page; a census reads the table once. The search terms of each index key are a partition: a rotation fills the one
 * of the new key, and the old one goes as a whole when nothing is in it any more. A term is stored as the first 16 bytes of its
 * hash; its MAC is over all 32, which a look-up knows.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  const pinned = `SET search_path = pg_catalog, ${schema}, pg_temp`
  await knex.raw('LOCK TABLE records, search_terms IN ACCESS EXCLUSIVE MODE')
  await refuseDependents(knex, ['search_terms'])
  await refuseStrangeRows(knex)
  // A table with partitions has no storage parameters of its own.
  const kept = (await whatOperatorsDecided(knex, 'search_terms')).split('\n').filter((line) => line.startsWith('GRANT'))
  await knex.raw(`
    DROP INDEX IF EXISTS records_display_key, records_secret_key, record_versions_display_key, record_versions_secret_key,
      idempotency_keys_response_key, reveal_reasons_key;

    -- The table is rewritten as a whole, so nothing dead is left in it.
    CREATE FUNCTION first_halves(hashes bytea) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
      SELECT coalesce(string_agg(substr(hashes, 1 + 32 * at, 16), '' ORDER BY at), '')
      FROM generate_series(0, length(hashes) / 32 - 1) AS at
    $$;
    ALTER TABLE records ALTER COLUMN terms TYPE bytea USING first_halves(terms);
    DROP FUNCTION first_halves;
    COMMENT ON COLUMN records.terms IS 'the terms of search_terms that lead here, 16 bytes each, one after the other';

    ALTER TABLE search_terms RENAME TO search_terms_before;
    ALTER TABLE search_terms_before RENAME CONSTRAINT search_terms_pkey TO search_terms_before_pkey;
    CREATE TABLE search_terms (
      token uuid NOT NULL,
      key smallint NOT NULL,
      term bytea NOT NULL CHECK (length(term) = 16),
      mac bytea,
      PRIMARY KEY (term, token, key)
    ) PARTITION BY LIST (key);
    COMMENT ON TABLE search_terms IS 'what records are found by, a partition for each index key';
    COMMENT ON COLUMN search_terms.key IS 'the number of the index key in the dictionary';
    COMMENT ON COLUMN search_terms.term IS
      'the first 16 bytes of HMAC-SHA-256 under the index key over site, type and normalised value';
    COMMENT ON COLUMN search_terms.mac IS
      'HMAC-SHA-256 under the same index key over all 32 bytes of the term, its type, and site, token and version of the record';
    ${kept.join('\n')}

    CREATE FUNCTION terms_partition(key integer) RETURNS regclass LANGUAGE sql STABLE ${pinned} AS $$
      SELECT c.oid::regclass FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
      WHERE inhparent = '${schema}.search_terms'::regclass
        AND pg_get_expr(relpartbound, c.oid) = format('FOR VALUES IN (%L)', $1)
    $$;
    COMMENT ON FUNCTION terms_partition IS 'the partition of the search terms under an index key';
    REVOKE ALL ON FUNCTION terms_partition FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION terms_partition TO strongroom_runtime;

    CREATE FUNCTION attach_terms_partition(key integer) RETURNS void LANGUAGE plpgsql ${pinned} AS $$
    DECLARE
      partition text := 'search_terms_' || key;
    BEGIN
      IF ${schema}.terms_partition(key) IS NOT NULL THEN RETURN; END IF;
      -- What attaching takes anyway, taken first: two servers take turns. Readers and writers of terms do not wait for it.
      LOCK TABLE ONLY ${schema}.search_terms IN SHARE UPDATE EXCLUSIVE MODE;
      IF ${schema}.terms_partition(key) IS NOT NULL THEN RETURN; END IF;
      EXECUTE format('CREATE TABLE ${schema}.%I (LIKE ${schema}.search_terms INCLUDING ALL)
        WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
              autovacuum_analyze_scale_factor = 0.02)', partition);
      EXECUTE format('ALTER TABLE ${schema}.search_terms ATTACH PARTITION ${schema}.%I FOR VALUES IN (%L)', partition, key);
    END $$;
    COMMENT ON FUNCTION attach_terms_partition IS 'makes the partition of the search terms under an index key, unless it is there';
    REVOKE ALL ON FUNCTION attach_terms_partition FROM PUBLIC;

    CREATE FUNCTION make_terms_partition(key_id text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER ${pinned} AS $$
    BEGIN
      IF NOT EXISTS (SELECT FROM ${schema}.keys k WHERE k.id = key_id AND k.purpose IN ('index', 'card-index')) THEN
        RAISE EXCEPTION 'search terms stand under index keys';
      END IF;
      -- Another process may take the same number for another name.
      WHILE ${schema}.id_of('key', key_id) IS NULL LOOP
        INSERT INTO ${schema}.dictionary (sort, id, name)
          SELECT 'key', coalesce(max(id), 0) + 1, key_id FROM ${schema}.dictionary WHERE sort = 'key'
          ON CONFLICT DO NOTHING;
      END LOOP;
      PERFORM ${schema}.attach_terms_partition(${schema}.id_of('key', key_id));
    END $$;
    COMMENT ON FUNCTION make_terms_partition IS 'the same for an index key that the vault has';
    REVOKE ALL ON FUNCTION make_terms_partition FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION make_terms_partition TO strongroom_runtime;

    CREATE FUNCTION drop_terms_partition(key_id text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER ${pinned}
      SET lock_timeout = '200ms' AS $$
    DECLARE
      partition regclass := ${schema}.terms_partition(${schema}.id_of('key', key_id));
      is_used boolean;
    BEGIN
      IF partition IS NULL THEN RETURN true; END IF;
      IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'what others have written must be seen once the table is locked';
      END IF;
      IF EXISTS (SELECT FROM ${schema}.keys k WHERE k.id = key_id AND k.state IN ('pre-active', 'active')) THEN RETURN false; END IF;
      -- Before anybody has to wait.
      EXECUTE format('SELECT EXISTS (SELECT FROM %s)', partition) INTO is_used;
      IF is_used THEN RETURN false; END IF;
      -- As everybody locks them. From here on nothing is added, and what is there is seen.
      LOCK TABLE ONLY ${schema}.search_terms IN ACCESS EXCLUSIVE MODE;
      EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', partition);
      EXECUTE format('SELECT EXISTS (SELECT FROM %s)', partition) INTO is_used;
      IF is_used THEN RETURN false; END IF;
      EXECUTE format('DROP TABLE %s', partition);
      RETURN true;
    EXCEPTION
      -- A reader takes longer than others should wait, another server has dropped it just now, or a restore has left it to
      -- another owner.
      WHEN lock_not_available OR undefined_table OR insufficient_privilege THEN RETURN false;
    END $$;
    COMMENT ON FUNCTION drop_terms_partition IS 'removes the partition of an index key that hashes no more, if not one term is in it; whether it is gone';
    REVOKE ALL ON FUNCTION drop_terms_partition FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION drop_terms_partition TO strongroom_runtime;

    INSERT INTO dictionary (sort, id, name)
      SELECT 'key', coalesce((SELECT max(id) FROM dictionary WHERE sort = 'key'), 0) + row_number() OVER (ORDER BY name), name
      FROM (SELECT DISTINCT key_id FROM search_terms_before) AS n (name) WHERE id_of('key', name) IS NULL;
    SELECT attach_terms_partition(id_of('key', key_id)) FROM (SELECT DISTINCT key_id FROM search_terms_before) AS b;
    SELECT make_terms_partition(id) FROM keys
      WHERE purpose IN ('index', 'card-index') AND (state IN ('pre-active', 'active'));
    INSERT INTO search_terms (token, key, term, mac)
      -- Each name is looked up once, and in the order of the old table lie the terms of a record together.
      SELECT tokens.uuid, numbers.id, substr(term, 1, 16), mac FROM search_terms_before
      JOIN (SELECT token, id_uuid(token) AS uuid FROM (SELECT DISTINCT token FROM search_terms_before) AS d) AS tokens USING (token)
      JOIN dictionary AS numbers ON numbers.sort = 'key' AND numbers.name = key_id
      ORDER BY search_terms_before.ctid;
    DROP TABLE search_terms_before;
    DROP FUNCTION search_terms_require_protecting_keys;
    ANALYZE search_terms;

    -- As for every other table that references keys (0017).
    CREATE FUNCTION search_terms_require_protecting_keys() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM written WHERE ${isRefused(schema, 'written.')}) THEN RETURN NULL; END IF;
      ELSIF ${isRefused(schema, 'NEW.')} IS NOT TRUE THEN
        RETURN NEW;
      END IF;
      IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = 'search_terms',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
    CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON search_terms REFERENCING NEW TABLE AS written
      FOR EACH STATEMENT EXECUTE FUNCTION search_terms_require_protecting_keys();
    CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON search_terms FOR EACH ROW
      WHEN (NEW.key IS DISTINCT FROM OLD.key OR NEW.term IS DISTINCT FROM OLD.term OR NEW.mac IS DISTINCT FROM OLD.mac)
      EXECUTE FUNCTION search_terms_require_protecting_keys();
  `)
}

/** Only the owner of the tables can have written such rows. They would not be what they were. */
async function refuseStrangeRows(knex: Knex): Promise<void> {
  const { rows } = await knex.raw(`
    SELECT (SELECT count(*) FROM records WHERE length(terms) % 32 <> 0)::integer AS lists,
           (SELECT count(*) FROM search_terms WHERE length(term) <> 32)::integer AS hashes,
           (SELECT count(*) FROM search_terms WHERE token !~ '^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$')::integer AS tokens`)
  const [{ lists, hashes, tokens }] = rows
  const wrong = [
    ...(lists > 0 ? [`${lists} rows of records remember what is no list of hashes`] : []),
    ...(hashes > 0 ? [`${hashes} rows of search_terms are no hashes of 32 bytes`] : []),
    ...(tokens > 0 ? [`${tokens} rows of search_terms lead to what is no token`] : []),
  ]
  if (wrong.length > 0) throw new Error(`${wrong.join(', and ')}: the vault did not write them.`)
}

/** SQL: whether the row names a key that may not hash what is stored. */
function isRefused(schema: string, row: string): string {
  return `(${row}key <> ALL (ARRAY(SELECT d.id FROM ${schema}.keys k JOIN ${schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state = 'active')))`
}
