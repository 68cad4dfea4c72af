import type { Knex } from 'knex'
import { currentSchema } from '../src/database/current-schema.ts'

/** The digits of ids, as `identifier.ts` has them. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'

/**
 * Names that repeat in many rows are numbers there, and ids are their 16 bytes. The server translates both; the functions are
 * for migrations and for people who read the tables.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  await knex.raw(`
    CREATE TABLE dictionary (
      id   integer NOT NULL CHECK (id > 0),
      sort text COLLATE "C" NOT NULL,
      name text COLLATE "C" NOT NULL,
      PRIMARY KEY (sort, id),
      UNIQUE (sort, name)
    );
    COMMENT ON TABLE dictionary IS 'what the numbers in other tables stand for; rows are added, and never changed';
    COMMENT ON COLUMN dictionary.sort IS 'site, key, kind, policy, consents, type, purpose or caller';
    GRANT SELECT, INSERT ON dictionary TO strongroom_runtime;

    CREATE FUNCTION id_uuid(id text) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
      SELECT CASE WHEN id ~ '^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$' THEN (
        SELECT (lpad(to_hex(substr(bits, 3, 64)::bit(64)::bigint), 16, '0') ||
                lpad(to_hex(substr(bits, 67)::bit(64)::bigint), 16, '0'))::uuid
        FROM (SELECT string_agg(((strpos('${DIGITS}', substr(id, length(id) - 26 + at, 1)) - 1)::bit(5))::text, '' ORDER BY at) AS bits
              FROM generate_series(1, 26) AS at) AS b) END
    $$;
    COMMENT ON FUNCTION id_uuid IS 'the 16 bytes of an id such as evt_ and 26 digits; null for what is none';

    CREATE FUNCTION uuid_id(prefix text, id uuid) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
      SELECT prefix || '_' || string_agg(substr('${DIGITS}', substr(bits, 5 * at + 1, 5)::bit(5)::integer + 1, 1), '' ORDER BY at)
      FROM (SELECT '00' || ('x' || replace(id::text, '-', ''))::bit(128)::text AS bits) AS b, generate_series(0, 25) AS at
    $$;
    COMMENT ON FUNCTION uuid_id IS 'the id that has these 16 bytes';

    CREATE FUNCTION name_of(sort text, id integer) RETURNS text LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
      SELECT d.name FROM ${schema}.dictionary d WHERE d.sort = $1 AND d.id = $2
    $$;
    COMMENT ON FUNCTION name_of IS 'what a number stands for';

    CREATE FUNCTION id_of(sort text, name text) RETURNS integer LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
      SELECT d.id FROM ${schema}.dictionary d WHERE d.sort = $1 AND d.name = $2
    $$;
    COMMENT ON FUNCTION id_of IS 'the number of a name';
  `)
}

export async function down(): Promise<void> {
  throw new Error('migrations go forward only')
}
