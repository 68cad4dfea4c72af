import type { Knex } from 'knex'

/** Every change of access in turn, so that a row of the past, which has its own MAC, does not pass for the present one. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE access_ledger (
      generation integer PRIMARY KEY CHECK (generation > 0),
      subject    text NOT NULL,
      state      text,
      mac        bytea NOT NULL
    );
    COMMENT ON TABLE access_ledger IS 'the changes of clients, contracts, roles, disabled staff and suspended callers, each over the one before';
    COMMENT ON COLUMN access_ledger.state IS 'SHA-256 of what the subject is now, in hexadecimal; empty when nothing of it is in force';
    COMMENT ON COLUMN access_ledger.mac IS 'HMAC-SHA-256 over the entry and the MAC of the entry before, behind the id of its access-mac key';

    -- Entries are added. All of them are written again when the key of their MACs is replaced.
    GRANT SELECT, INSERT, DELETE ON access_ledger TO strongroom_runtime;

    CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR UPDATE OR DELETE ON access_ledger
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version();
    CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON access_ledger
      FOR EACH STATEMENT EXECUTE FUNCTION change_access_version();
    ALTER TABLE access_ledger ENABLE ALWAYS TRIGGER access_version;
    ALTER TABLE access_ledger ENABLE ALWAYS TRIGGER access_version_truncated;
  `)
}

export async function down(): Promise<void> {
  throw new Error('migrations go forward only')
}
