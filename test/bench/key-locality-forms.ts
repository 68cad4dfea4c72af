/** A form of the schema: how `records` and `search_terms` are keyed. Everything else is the vault's own schema. */
export interface Form {
  name: string
  title: string
  /** Changes the migrated, still empty tables into this form. */
  schema: string
  /** Copies the rows `$1` to `$2` of `made` into records, terms and events, in one statement. */
  insert: string
}

/** `$1` to `$2` rows of random values, made by PostgreSQL; events sort by time, as the vault's do. */
export const makeRows = `
  INSERT INTO made (n, token, event, term1, term2)
  SELECT n,
         'card_' || substr(encode(sha256(random()::text::bytea), 'hex'), 1, 26),
         'evt_' || lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000000)::bigint), 14, '0')
                || substr(encode(sha256(random()::text::bytea), 'hex'), 1, 12),
         sha256(random()::text::bytea), sha256(random()::text::bytea)
  FROM generate_series($1::bigint, $2::bigint) AS n`

/** The sizes of a card: 1 + 12 + 32 + 16 bytes around a padded text of 128 (seal format 1). Constants do not compress here. */
const SEALED = `decode(repeat('5a', 189), 'hex')`
const KEY = `'key_01k0000000000000000000000'`
const BODY = `repeat('x', 270)`

const RECORD_COLUMNS = `token, kind, site, version, consents, display_key_id, display_sealed, secret_key_id,
  secret_sealed, terms, created_at, updated_at`
const RECORD_VALUES = `token, 'card', 'default', 1, '{}', ${KEY}, ${SEALED}, ${KEY}, ${SEALED}, term1 || term2, now(), now()`

const EVENTS = `
  INSERT INTO audit_events (id, occurred_at, type, caller, token, body)
  SELECT event, now(), 'record.tokenize', 'client_01k0000000000000000000000', token, ${BODY} FROM batch`

const BATCH = 'batch AS MATERIALIZED (SELECT * FROM made WHERE n BETWEEN $1 AND $2)'

/** The key is made by the table's default and carried to the terms by RETURNING. */
function keyed(name: string, title: string, type: string): Form {
  return {
    name,
    title,
    schema: `
      ALTER TABLE records DROP CONSTRAINT records_pkey;
      ALTER TABLE records ADD COLUMN id ${type} PRIMARY KEY;
      ALTER TABLE records ADD CONSTRAINT records_token UNIQUE (token);
      DROP TABLE search_terms;
      CREATE TABLE search_terms (
        term bytea NOT NULL, record ${type.split(' ')[0]} NOT NULL, key_id text NOT NULL, PRIMARY KEY (term, record))`,
    insert: `
      WITH ${BATCH},
      new_records AS (INSERT INTO records (${RECORD_COLUMNS}) SELECT ${RECORD_VALUES} FROM batch RETURNING id, token),
      new_terms AS (
        INSERT INTO search_terms (term, record, key_id)
        SELECT term, id, ${KEY} FROM batch JOIN new_records USING (token), unnest(ARRAY[term1, term2]) AS term)
      ${EVENTS}`,
  }
}

export const forms: readonly Form[] = [
  {
    name: 'token',
    title: 'the random token (today)',
    schema: 'SELECT 1',
    insert: `
      WITH ${BATCH},
      new_records AS (INSERT INTO records (${RECORD_COLUMNS}) SELECT ${RECORD_VALUES} FROM batch),
      new_terms AS (
        INSERT INTO search_terms (term, token, key_id)
        SELECT term, token, ${KEY} FROM batch, unnest(ARRAY[term1, term2]) AS term)
      ${EVENTS}`,
  },
  keyed('bigint', 'bigint, token unique beside it', 'bigint GENERATED ALWAYS AS IDENTITY'),
  keyed('uuidv7', 'uuidv7, token unique beside it', 'uuid DEFAULT uuidv7()'),
]
