import type { Knex } from 'knex'
import { currentSchema } from '../src/database/migration/current-schema.ts'
import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/**
 * Sessions in which a shopper's browser stores one checkout. What a session is for is sealed. As in every sealed table, the
 * server's role may seal under an active key only.
 */
export const migration: OnlineMigration = {
  change: async (tx) => tx.raw(await checkoutSessions(tx)),
}

async function checkoutSessions(tx: Knex): Promise<string> {
  const schema = await currentSchema(tx)
  return `
CREATE TABLE checkout_sessions (
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  closed_at    timestamptz,
  facts_key    smallint NOT NULL,
  id           text PRIMARY KEY,
  facts_sealed bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX checkout_sessions_expires ON checkout_sessions (expires_at);
COMMENT ON COLUMN checkout_sessions.closed_at IS 'when it was seen that the session is over';
COMMENT ON COLUMN checkout_sessions.facts_sealed IS 'the client, the origins, the customer and everything else about the session, sealed';
GRANT SELECT, INSERT, UPDATE, DELETE ON checkout_sessions TO strongroom_runtime;

CREATE FUNCTION checkout_sessions_require_protecting_keys() RETURNS trigger LANGUAGE plpgsql AS $$
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
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = 'checkout_sessions',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON checkout_sessions REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION checkout_sessions_require_protecting_keys();
CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON checkout_sessions FOR EACH ROW
  WHEN (NEW.facts_key IS DISTINCT FROM OLD.facts_key OR NEW.facts_sealed IS DISTINCT FROM OLD.facts_sealed)
  EXECUTE FUNCTION checkout_sessions_require_protecting_keys();
`
}
