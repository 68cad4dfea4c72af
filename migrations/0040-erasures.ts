import type { Knex } from 'knex'
import { currentSchema } from '../src/database/migration/current-schema.ts'
import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/**
 * The ledger of erasures: what a restored database must not serve. The same lines are shipped outside. As in every table with keyed
 * hashes, the server's role may write them under an active key only.
 */
export const migration: OnlineMigration = {
  change: async (tx) => tx.raw(await erasures(tx)),
}

async function erasures(tx: Knex): Promise<string> {
  const schema = await currentSchema(tx)
  return `
CREATE TABLE erasures (
  ordered_at timestamptz NOT NULL,
  done_at    timestamptz,
  filed_at   timestamptz,
  sent_at    timestamptz,
  token      uuid NOT NULL,
  kind       smallint NOT NULL,
  site       smallint NOT NULL,
  token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
  line       text NOT NULL,
  customer_key smallint,
  customer     bytea,
  customer_mac bytea CHECK (length(customer_mac) = 32),
  CONSTRAINT erasures_customer_whole CHECK (CASE WHEN customer IS NULL OR customer = '' THEN num_nonnulls(customer_key, customer_mac) = 0
    ELSE length(customer) = 16 AND num_nulls(customer_key, customer_mac) = 0 END)
);
CREATE INDEX erasures_customer ON erasures (customer) WHERE customer <> '';
CREATE INDEX erasures_of_unknown ON erasures (site, done_at) WHERE customer IS NULL;
CREATE INDEX erasures_undone ON erasures (ordered_at) WHERE done_at IS NULL;
CREATE INDEX erasures_unfiled ON erasures (done_at) WHERE filed_at IS NULL;
CREATE INDEX erasures_unsent ON erasures (done_at) WHERE sent_at IS NULL;
COMMENT ON TABLE erasures IS 'the ledger of erasures: a line is written before anything of its record is removed';
COMMENT ON COLUMN erasures.done_at IS 'when the record was removed; null while its erasure is postponed or under way';
COMMENT ON COLUMN erasures.filed_at IS 'when the line had arrived in every file outside';
COMMENT ON COLUMN erasures.sent_at IS 'when every command and URL had got the line';
COMMENT ON COLUMN erasures.token_hash IS 'SHA-256 of the token, which is all that the line says of the record';
COMMENT ON COLUMN erasures.customer IS 'a keyed hash of whose record it was; empty: it had no customer; null: that is not known, or forgotten by a rotation of the index keys';
COMMENT ON COLUMN erasures.customer_mac IS 'binds that to the record, under the same index key';
COMMENT ON COLUMN erasures.line IS 'hash, time, reason, vault, key and signature, as it is shipped';
GRANT SELECT, INSERT, UPDATE ON erasures TO strongroom_runtime;

-- A line of the ledger that was seen outside and is not in this database closes reads as a checkpoint does. It has the size 0.
ALTER TABLE outside_checkpoints DROP CONSTRAINT outside_checkpoints_size_check,
  ADD CONSTRAINT outside_checkpoints_size_check CHECK (size >= 0);
COMMENT ON COLUMN outside_checkpoints.size IS 'the leaves of the log; 0 for a line of the ledger of erasures';

CREATE FUNCTION erasures_require_protecting_keys() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF (NEW.customer_key <> ALL (ARRAY(SELECT d.id FROM ${schema}.keys k JOIN ${schema}.dictionary d ON d.sort = 'key' AND d.name = k.id
    WHERE k.state = 'active'))) IS NOT TRUE THEN
        RETURN NEW;
      END IF;
      IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = 'erasures',
        MESSAGE = 'only an active key may seal or hash what is stored';
    END $$;
CREATE TRIGGER protecting_keys_of_new BEFORE INSERT ON erasures FOR EACH ROW WHEN (NEW.customer_key IS NOT NULL)
  EXECUTE FUNCTION erasures_require_protecting_keys();
CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON erasures FOR EACH ROW
  WHEN (NEW.customer_key IS NOT NULL AND (NEW.customer_key IS DISTINCT FROM OLD.customer_key OR NEW.customer IS DISTINCT FROM OLD.customer
    OR NEW.customer_mac IS DISTINCT FROM OLD.customer_mac))
  EXECUTE FUNCTION erasures_require_protecting_keys();
`
}
