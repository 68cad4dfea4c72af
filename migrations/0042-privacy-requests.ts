import type { Knex } from 'knex'
import { currentSchema } from '../src/database/migration/current-schema.ts'
import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/**
 * What shoppers ask of the vault, each with the day until which it must be answered. Who asks, and for what, is sealed. As in every
 * sealed table, the server's role may seal under an active key only.
 */
export const migration: OnlineMigration = {
  change: async (tx) => tx.raw(await privacyRequests(tx)),
}

async function privacyRequests(tx: Knex): Promise<string> {
  const schema = await currentSchema(tx)
  return `
CREATE TABLE privacy_requests (
  created_at   timestamptz NOT NULL,
  due_at       timestamptz NOT NULL,
  closed_at    timestamptz,
  version      integer NOT NULL,
  site         smallint NOT NULL,
  facts_key    smallint NOT NULL,
  id           text PRIMARY KEY,
  facts_sealed bytea NOT NULL
);
CREATE INDEX privacy_requests_of_site ON privacy_requests (site, id);
CREATE INDEX privacy_requests_due ON privacy_requests (due_at) WHERE closed_at IS NULL;
COMMENT ON COLUMN privacy_requests.due_at IS 'until when it must be answered';
COMMENT ON COLUMN privacy_requests.closed_at IS 'when it was done or refused';
COMMENT ON COLUMN privacy_requests.facts_sealed IS 'the customer, what is asked, how identity was proved and everything else about the request, sealed';
GRANT SELECT, INSERT, UPDATE ON privacy_requests TO strongroom_runtime;

CREATE FUNCTION privacy_requests_require_protecting_keys() RETURNS trigger LANGUAGE plpgsql AS $$
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
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = 'privacy_requests',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON privacy_requests REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION privacy_requests_require_protecting_keys();
CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON privacy_requests FOR EACH ROW
  WHEN (NEW.facts_key IS DISTINCT FROM OLD.facts_key OR NEW.facts_sealed IS DISTINCT FROM OLD.facts_sealed)
  EXECUTE FUNCTION privacy_requests_require_protecting_keys();
`
}
