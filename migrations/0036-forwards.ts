import type { Knex } from 'knex'
import { currentSchema } from '../src/database/migration/current-schema.ts'
import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/**
 * Requests to destinations, from the commit before they are sent to the end of their Idempotency-Keys. What they were and
 * what was answered is sealed. As in every sealed table, the server's role may seal under an active key only.
 */
export const migration: OnlineMigration = {
  change: async (tx) => tx.raw(await forwards(tx)),
}

async function forwards(tx: Knex): Promise<string> {
  const schema = await currentSchema(tx)
  return `
CREATE TABLE forwards (
  deadline     timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  attempt      integer NOT NULL,
  facts_key    smallint NOT NULL,
  state        text NOT NULL CHECK (state IN ('sending', 'answered', 'unknown')),
  id           text PRIMARY KEY,
  facts_sealed bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX forwards_sending ON forwards (deadline) WHERE state = 'sending';
CREATE INDEX forwards_expires ON forwards (expires_at);
COMMENT ON COLUMN forwards.deadline IS 'from then on the server that sends it has ended';
COMMENT ON COLUMN forwards.attempt IS 'how often it was sent';
COMMENT ON COLUMN forwards.facts_sealed IS 'the destination, the records, the events and the answer without the card number, sealed';
GRANT SELECT, INSERT, UPDATE, DELETE ON forwards TO strongroom_runtime;

CREATE FUNCTION forwards_require_protecting_keys() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM written WHERE (facts_key IS NOT NULL AND facts_key <> ALL (ARRAY(SELECT d.id FROM ${schema}.keys k JOIN ${schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active'))))) THEN
          RETURN NULL;
        END IF;
      ELSIF ((NEW.facts_key IS DISTINCT FROM OLD.facts_key OR NEW.facts_sealed IS DISTINCT FROM OLD.facts_sealed) AND (NEW.facts_key IS NOT NULL AND NEW.facts_key <> ALL (ARRAY(SELECT d.id FROM ${schema}.keys k JOIN ${schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state IN ('active'))))) IS NOT TRUE THEN
        RETURN NEW;
      END IF;
      IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = 'forwards',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON forwards REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION forwards_require_protecting_keys();
CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON forwards FOR EACH ROW
  WHEN (NEW.facts_key IS DISTINCT FROM OLD.facts_key OR NEW.facts_sealed IS DISTINCT FROM OLD.facts_sealed)
  EXECUTE FUNCTION forwards_require_protecting_keys();
`
}
