import type { Knex } from 'knex'
import { currentSchema } from '../src/database/migration/current-schema.ts'
import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/**
 * Where stored data may be forwarded to, and the secrets that such requests are signed with. Secrets are sealed. As in every
 * sealed table, the server's role may seal under an active key only.
 */
export const migration: OnlineMigration = {
  change: async (tx) => tx.raw(await destinations(tx)),
}

async function destinations(tx: Knex): Promise<string> {
  const schema = await currentSchema(tx)
  return `
CREATE TABLE destination_sets (
  revision     integer PRIMARY KEY CHECK (revision > 0),
  destinations text NOT NULL,
  mac          bytea NOT NULL,
  created_at   timestamptz NOT NULL
);
COMMENT ON TABLE destination_sets IS 'the destinations that operators applied; the highest revision is in force, without any there is none';
COMMENT ON COLUMN destination_sets.destinations IS 'the file of destinations, RFC 8785';
COMMENT ON COLUMN destination_sets.mac IS 'HMAC-SHA-256 over the revision and the destinations, behind the id of its access-mac key';
GRANT SELECT, INSERT, UPDATE (mac) ON destination_sets TO strongroom_runtime;

CREATE TABLE destination_secrets (
  set_at       timestamptz NOT NULL,
  value_key    smallint NOT NULL,
  name         text PRIMARY KEY,
  revision     text NOT NULL,
  value_sealed bytea NOT NULL
);
COMMENT ON COLUMN destination_secrets.revision IS 'another one for each value that the secret was given; the ledger of access has the present one';
GRANT SELECT, INSERT, UPDATE, DELETE ON destination_secrets TO strongroom_runtime;

CREATE FUNCTION destination_secrets_require_protecting_keys() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM written WHERE (value_key IS NOT NULL AND value_key <> ALL (ARRAY(SELECT d.id FROM ${schema}.keys k JOIN ${schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active'))))) THEN
          RETURN NULL;
        END IF;
      ELSIF ((NEW.value_key IS DISTINCT FROM OLD.value_key OR NEW.value_sealed IS DISTINCT FROM OLD.value_sealed) AND (NEW.value_key IS NOT NULL AND NEW.value_key <> ALL (ARRAY(SELECT d.id FROM ${schema}.keys k JOIN ${schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active'))))) IS NOT TRUE THEN
        RETURN NEW;
      END IF;
      IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = 'destination_secrets',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON destination_secrets REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION destination_secrets_require_protecting_keys();
CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON destination_secrets FOR EACH ROW
  WHEN (NEW.value_key IS DISTINCT FROM OLD.value_key OR NEW.value_sealed IS DISTINCT FROM OLD.value_sealed)
  EXECUTE FUNCTION destination_secrets_require_protecting_keys();
`
}
