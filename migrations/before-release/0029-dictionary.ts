import type { Knex } from 'knex'
import { currentSchema } from '../../src/database/migration/current-schema.ts'

/** The digits of ids, as `identifier.ts` has them. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'

/** SQL: the value of a digit of `digits`. */
const numberAt = (at: number) => `get_byte('\\x${valuesOfDigits()}', get_byte(digits, ${at}))::bigint`
/** SQL: those digits one behind the other, five bits each. */
const bitsOf = (from: number, to: number) =>
  `(${Array.from({ length: to - from + 1 }, (_, at) => `(${numberAt(from + at)} << ${5 * (to - from - at)})`).join(' | ')})`

/** By the code of each character the value of the digit that it is, in hexadecimal. */
function valuesOfDigits(): string {
  const values = Buffer.alloc(128)
  for (const [value, digit] of [...DIGITS].entries()) values[digit.charCodeAt(0)] = value
  return values.toString('hex')
}

/** SQL: the digit at that place of the 16 bytes in `bytes`, of which two zero bits stand in front. */
function digitAt(at: number): string {
  const first = 5 * at - 2
  const byte = Math.max(0, first >> 3)
  const next = byte < 15 ? `get_byte(bytes, ${byte + 1})` : '0'
  const shift = 11 - (first - 8 * byte)
  return `substr('${DIGITS}', ((((get_byte(bytes, ${byte}) << 8) | ${next}) >> ${shift}) & 31) + 1, 1)`
}

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

    CREATE FUNCTION id_uuid(id text) RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
    DECLARE
      digits bytea;
    BEGIN
      IF id !~ '^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$' THEN RETURN NULL; END IF;
      digits := decode(right(id, 26), 'escape');
      RETURN encode(int8send((${bitsOf(0, 12)} << 1) | (${numberAt(13)} >> 4)) ||
                    int8send(((${numberAt(13)} & 15) << 60) | ${bitsOf(14, 25)}), 'hex')::uuid;
    END $$;
    COMMENT ON FUNCTION id_uuid IS 'the 16 bytes of an id such as evt_ and 26 digits; null for what is none';

    CREATE FUNCTION uuid_id(prefix text, id uuid) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
    DECLARE
      bytes bytea := uuid_send(id);
    BEGIN
      RETURN prefix || '_' || ${Array.from({ length: 26 }, (_, at) => digitAt(at)).join(' || ')};
    END $$;
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
