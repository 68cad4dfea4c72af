import type { Knex } from 'knex'
import { currentSchema } from '../../src/database/migration/current-schema.ts'
import { refuseDependents, whatOperatorsDecided } from '../../src/database/migration/table-options.ts'

/** A table as it is from now on. */
interface LeanTable {
  name: string
  /** Its columns and checks; those of a fixed width first, so that nothing is padded. */
  columns: string
  /** SELECT of its rows, in the order of the columns, from the table as it was. */
  rows: string
  /** Its primary key, indexes and comments. */
  after: string
  keys: readonly KeyColumn[]
}

/** A column that names a key, the columns that this key made, and the states of keys that may make them (migration 0017). */
interface KeyColumn {
  column: string
  made: readonly string[]
  states: string
}

const sealed = (part: string): KeyColumn => ({ column: `${part}_key`, made: [`${part}_sealed`], states: "'active'" })

/** SQL: joins a name of the old table to its number. */
const numbered = (sort: string, column: string) =>
  `LEFT JOIN dictionary AS ${column}_name ON ${column}_name.sort = '${sort}' AND ${column}_name.name = before.${column}`
const numberOf = (column: string) => `${column}_name.id`

const CONSENTS = `array_to_string(consents, ' ')`

const TABLES: readonly LeanTable[] = [
  {
    name: 'records',
    columns: `
      created_at       timestamptz NOT NULL,
      updated_at       timestamptz,
      erased_at        timestamptz,
      token            uuid NOT NULL,
      version          integer NOT NULL CONSTRAINT records_version_check CHECK (version > 0),
      policy           integer,
      consents         integer NOT NULL,
      kind             smallint NOT NULL CONSTRAINT records_kind_check CHECK (kind IN (1, 2, 3)),
      site             smallint NOT NULL,
      display_key      smallint,
      secret_key       smallint,
      terms            bytea NOT NULL,
      display_sealed   bytea,
      secret_sealed    bytea,
      idempotency_hash bytea,
      CONSTRAINT records_sealed_until_erased CHECK (
        (erased_at IS NULL) = (display_sealed IS NOT NULL AND secret_sealed IS NOT NULL
                               AND display_key IS NOT NULL AND secret_key IS NOT NULL))`,
    rows: `
      SELECT created_at, nullif(updated_at, created_at), erased_at, id_uuid(token), version, ${numberOf('policy_version')},
             consents_name.id, ${['kind', 'site', 'display_key_id', 'secret_key_id'].map(numberOf).join(', ')},
             terms, display_sealed, secret_sealed, idempotency_hash
      FROM table_before AS before ${numbered('policy', 'policy_version')} ${numbered('kind', 'kind')} ${numbered('site', 'site')}
      ${numbered('key', 'display_key_id')} ${numbered('key', 'secret_key_id')}
      LEFT JOIN dictionary AS consents_name ON consents_name.sort = 'consents' AND consents_name.name = ${CONSENTS}`,
    after: `
      ALTER TABLE records ADD CONSTRAINT records_pkey PRIMARY KEY (token);
      CREATE INDEX records_display_key ON records (display_key) WHERE display_key IS NOT NULL;
      CREATE INDEX records_secret_key ON records (secret_key) WHERE secret_key IS NOT NULL;
      COMMENT ON COLUMN records.token IS 'the 16 bytes of the token, which begins with what its kind says';
      COMMENT ON COLUMN records.updated_at IS 'null until the record is corrected or erased';
      COMMENT ON COLUMN records.terms IS 'the hashes of search_terms that lead here, 32 bytes each, one after the other';
      COMMENT ON COLUMN records.display_sealed IS 'what a masked view shows, sealed under a display key (seal format 1)';
      COMMENT ON COLUMN records.secret_sealed IS 'all details of the record, sealed under a secret key (seal format 1)';`,
    keys: [sealed('display'), sealed('secret')],
  },
  {
    name: 'record_versions',
    columns: `
      replaced_at    timestamptz NOT NULL,
      token          uuid NOT NULL,
      version        integer NOT NULL,
      kind           smallint NOT NULL,
      site           smallint NOT NULL,
      display_key    smallint NOT NULL,
      secret_key     smallint NOT NULL,
      display_sealed bytea NOT NULL,
      secret_sealed  bytea NOT NULL`,
    rows: `
      SELECT replaced_at, id_uuid(token), version, ${['kind', 'site', 'display_key_id', 'secret_key_id'].map(numberOf).join(', ')},
             display_sealed, secret_sealed
      FROM table_before AS before ${numbered('kind', 'kind')} ${numbered('site', 'site')} ${numbered('key', 'display_key_id')}
      ${numbered('key', 'secret_key_id')}`,
    after: `
      ALTER TABLE record_versions ADD CONSTRAINT record_versions_pkey PRIMARY KEY (token, version);
      CREATE INDEX record_versions_display_key ON record_versions (display_key);
      CREATE INDEX record_versions_secret_key ON record_versions (secret_key);
      COMMENT ON COLUMN record_versions.display_sealed IS 'the display part as it was before a correction, sealed';
      COMMENT ON COLUMN record_versions.secret_sealed IS 'the details as they were before a correction, sealed';`,
    keys: [sealed('display'), sealed('secret')],
  },
  {
    name: 'idempotency_keys',
    columns: `
      created_at      timestamptz NOT NULL,
      expires_at      timestamptz NOT NULL,
      index_key       smallint NOT NULL,
      response_key    smallint,
      key_hash        bytea NOT NULL,
      request_hash    bytea NOT NULL,
      response_sealed bytea`,
    rows: `
      SELECT created_at, expires_at, ${numberOf('index_key_id')}, ${numberOf('response_key_id')}, key_hash, request_hash, response_sealed
      FROM table_before AS before ${numbered('key', 'index_key_id')} ${numbered('key', 'response_key_id')}`,
    after: `
      ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (key_hash);
      CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);
      CREATE INDEX idempotency_keys_response_key ON idempotency_keys (response_key) WHERE response_key IS NOT NULL;
      COMMENT ON COLUMN idempotency_keys.key_hash IS 'HMAC-SHA-256 under an index key over caller and Idempotency-Key';
      COMMENT ON COLUMN idempotency_keys.response_sealed IS 'the answer to replay, sealed; null once a record in it is erased';
      COMMENT ON COLUMN idempotency_keys.index_key IS 'the index key that made the hashes';`,
    // A request is claimed under the index key that comes next as well, which seals and finds nothing yet.
    keys: [
      sealed('response'),
      { column: 'index_key', made: ['key_hash', 'request_hash'], states: "'active', 'pre-active'" },
    ],
  },
  {
    name: 'reveal_reasons',
    columns: `
      reason_key    smallint NOT NULL,
      event         text NOT NULL,
      reason_sealed bytea NOT NULL`,
    rows: `SELECT ${numberOf('reason_key_id')}, event, reason_sealed FROM table_before AS before ${numbered('key', 'reason_key_id')}`,
    after: `
      ALTER TABLE reveal_reasons ADD CONSTRAINT reveal_reasons_pkey PRIMARY KEY (event);
      CREATE INDEX reveal_reasons_key ON reveal_reasons (reason_key);
      COMMENT ON COLUMN reveal_reasons.reason_sealed IS 'what a caller wrote as the reason of a reveal, sealed';`,
    keys: [sealed('reason')],
  },
]

/** The names in the tables as they were, by their sorts. */
const NAMES: Readonly<Record<string, string>> = {
  site: 'SELECT site FROM records UNION SELECT site FROM record_versions',
  policy: 'SELECT policy_version FROM records',
  consents: `SELECT ${CONSENTS} FROM records`,
  key: `SELECT id FROM keys UNION SELECT display_key_id FROM records UNION SELECT secret_key_id FROM records
        UNION SELECT display_key_id FROM record_versions UNION SELECT secret_key_id FROM record_versions
        UNION SELECT index_key_id FROM idempotency_keys UNION SELECT response_key_id FROM idempotency_keys
        UNION SELECT reason_key_id FROM reveal_reasons`,
}

const MOST_NUMBERS_OF_A_SMALLINT = 32_767

/**
 * Tokens are uuids, and the names that repeat in every record are numbers of the dictionary. The rows are copied into new
 * tables: nothing that is sealed or hashed changes, and no index is written twice.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  const names = TABLES.map(({ name }) => name)
  await knex.raw(`LOCK TABLE ${names.join(', ')} IN ACCESS EXCLUSIVE MODE`)
  await refuseDependents(knex, names)
  await refuseStrangeRows(knex)
  // The kinds have the numbers that the check of the table names.
  await knex.raw(
    `INSERT INTO dictionary (sort, id, name) VALUES ('kind', 1, 'card'), ('kind', 2, 'address'), ('kind', 3, 'contact')`,
  )
  for (const [sort, select] of Object.entries(NAMES)) {
    await knex.raw(
      `INSERT INTO dictionary (sort, id, name)
       SELECT :sort, coalesce((SELECT max(id) FROM dictionary WHERE sort = :sort), 0) + row_number() OVER (ORDER BY name), name
       FROM (SELECT DISTINCT name FROM (${select}) AS s (name)) AS n
       WHERE name IS NOT NULL AND NOT EXISTS (SELECT FROM dictionary d WHERE d.sort = :sort AND d.name = n.name)`,
      { sort },
    )
  }
  await refuseManyNames(knex)
  for (const table of TABLES) await replaceTable(knex, table, schema)
  await replaceLocks(knex, schema)
}

/** Only the owner of the tables can have written such rows. They would not be what they were. */
async function refuseStrangeRows(knex: Knex): Promise<void> {
  const { rows } = await knex.raw(`
    SELECT (SELECT count(*) FROM (SELECT token, kind FROM records UNION ALL SELECT token, kind FROM record_versions) t
            WHERE token !~ ('^' || left(kind, 4) || '_[0-7][0-9a-hjkmnp-tv-z]{25}$'))::integer AS tokens,
           (SELECT count(*) FROM (SELECT DISTINCT consents FROM records) r
            WHERE string_to_array(${CONSENTS}, ' ') IS DISTINCT FROM consents)::integer AS consents`)
  const [{ tokens, consents }] = rows
  const wrong = [
    ...(tokens > 0 ? [`${tokens} rows of records and record_versions have a token that is none of their kind`] : []),
    ...(consents > 0 ? [`records has ${consents} sets of consents that are no lists of names`] : []),
  ]
  if (wrong.length > 0) throw new Error(`${wrong.join(', and ')}: the vault did not write them.`)
}

async function refuseManyNames(knex: Knex): Promise<void> {
  const { rows } = await knex.raw(
    `SELECT sort, max(id) AS numbers FROM dictionary WHERE sort IN ('site', 'key') GROUP BY sort HAVING max(id) > ?`,
    [MOST_NUMBERS_OF_A_SMALLINT],
  )
  for (const { sort, numbers } of rows) {
    throw new Error(
      `the vault has ${numbers} names of the sort ${sort}, and its tables have room for ${MOST_NUMBERS_OF_A_SMALLINT}.`,
    )
  }
}

async function replaceTable(knex: Knex, table: LeanTable, schema: string): Promise<void> {
  const { name, columns, rows, after, keys } = table
  const kept = await whatOperatorsDecided(knex, name)
  const checks = `${name}_require_protecting_keys`
  const isChanged = ({ column, made }: KeyColumn) =>
    [column, ...made].map((one) => `NEW.${one} IS DISTINCT FROM OLD.${one}`).join(' OR ')
  const ofNew = keys.map((key) => isRefused(key, schema)).join(' OR ')
  const ofChanged = keys.map((key) => `(${isChanged(key)}) AND ${isRefused(key, schema, 'NEW.')}`).join(' OR ')
  await knex.raw(`
    ALTER TABLE ${name} RENAME TO table_before;
    CREATE TABLE ${name} (${columns});
    INSERT INTO ${name} ${rows};
    DROP TABLE table_before;
    ${after}
    ${kept}
    CREATE OR REPLACE FUNCTION ${checks}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM written WHERE ${ofNew}) THEN
          RETURN NULL;
        END IF;
      ELSIF (${ofChanged}) IS NOT TRUE THEN
        RETURN NEW;
      END IF;
      IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = '${name}',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
    CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON ${name} REFERENCING NEW TABLE AS written
      FOR EACH STATEMENT EXECUTE FUNCTION ${checks}();
    CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON ${name}
      FOR EACH ROW WHEN (${keys.map(isChanged).join(' OR ')}) EXECUTE FUNCTION ${checks}();
    ANALYZE ${name};`)
}

/**
 * SQL: whether the row names a key that may not make what is stored. No key of the state may have a number yet, and of no numbers at
 * all PostgreSQL says that null is another one.
 */
function isRefused({ column, states }: KeyColumn, schema: string, row = ''): string {
  return `(${row}${column} IS NOT NULL AND ${row}${column} <> ALL (ARRAY(SELECT d.id FROM ${schema}.keys k JOIN ${schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN (${states}))))`
}

/** The first half of the advisory locks of records; the second is `record_lock` (migration 0027). */
const CLASS = 0x7374_7230

async function replaceLocks(knex: Knex, schema: string): Promise<void> {
  await knex.raw(`
    DROP FUNCTION hold_to_release(text[], boolean);
    DROP FUNCTION hold_to_change(text);
    DROP FUNCTION record_lock(text);

    CREATE FUNCTION record_lock(token uuid) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
      AS $$ SELECT uuid_hash(token) & 1023 $$;
    COMMENT ON FUNCTION record_lock IS 'which of 1,024 advisory locks is that of the record';

    -- In PL/pgSQL every statement of a volatile function has a snapshot of its own: the second one is later than the locks.
    CREATE FUNCTION hold_to_release(wanted uuid[], may_wait boolean)
      RETURNS TABLE (held uuid, held_version integer, held_consents integer, is_locked boolean)
      LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
      locked integer[] := '{}';
    BEGIN
      IF may_wait THEN
        PERFORM pg_advisory_xact_lock_shared(${CLASS}, lock)
        FROM (SELECT DISTINCT ${schema}.record_lock(token) AS lock FROM unnest(wanted) AS w (token) ORDER BY 1) AS l;
      ELSE
        SELECT coalesce(array_agg(lock), '{}') INTO locked
        FROM (SELECT DISTINCT ${schema}.record_lock(token) AS lock FROM unnest(wanted) AS w (token)) AS l
        WHERE NOT pg_try_advisory_xact_lock_shared(${CLASS}, lock);
      END IF;
      RETURN QUERY
        SELECT r.token, r.version, r.consents, ${schema}.record_lock(w.token) = ANY (locked)
        FROM (SELECT DISTINCT unnest(wanted)) AS w (token)
        CROSS JOIN LATERAL (SELECT * FROM ${schema}.records WHERE token = w.token AND erased_at IS NULL OFFSET 0) AS r;
    END $$;
    COMMENT ON FUNCTION hold_to_release IS 'the live records, kept from correction and erasure until the transaction ends; is_locked: another transaction has the lock, which was not waited for';

    CREATE FUNCTION hold_to_change(token uuid) RETURNS void LANGUAGE sql VOLATILE
      AS $$ SELECT pg_advisory_xact_lock(${CLASS}, ${schema}.record_lock(token)) $$;
    COMMENT ON FUNCTION hold_to_change IS 'waits until every release of the record is committed or gone, and keeps others waiting until the transaction ends';

    REVOKE ALL ON FUNCTION record_lock, hold_to_release, hold_to_change FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION record_lock, hold_to_release, hold_to_change TO strongroom_runtime;
  `)
}
