import type { Knex } from 'knex'
import { currentSchema } from '../src/database/current-schema.ts'

/** What a standing is made of (`access/caller-store.ts`). */
const TABLES = ['clients', 'disabled_staff', 'suspended_callers', 'partner_clients', 'partners', 'role_sets']

/**
 * One row that is another one whenever anything was changed that may let a caller in or keep one out, so that a server asks for
 * that alone on every request. The triggers are deferred: the row is locked last and briefly, by whatever changes it.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  await knex.raw(`
    CREATE TABLE access_version (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      version uuid NOT NULL
    );
    COMMENT ON TABLE access_version IS 'names the present state of clients, partners, roles, disabled staff and suspended callers';
    INSERT INTO access_version (version) VALUES (gen_random_uuid());
    GRANT SELECT ON access_version TO strongroom_runtime;

    CREATE FUNCTION change_access_version() RETURNS trigger LANGUAGE plpgsql
      SECURITY DEFINER SET search_path = pg_catalog, ${schema}, pg_temp AS $$
    BEGIN
      -- Once in a transaction is enough, however many rows it changes.
      INSERT INTO ${schema}.access_version AS v (version) VALUES (gen_random_uuid())
        ON CONFLICT (only_row) DO UPDATE SET version = excluded.version WHERE v.xmin <> pg_current_xact_id()::xid;
      RETURN NULL;
    END $$;
    COMMENT ON FUNCTION change_access_version IS 'gives access_version another value, which it never had before';
    REVOKE ALL ON FUNCTION change_access_version FROM PUBLIC;

    ${TABLES.map(
      (table) => `
    CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR UPDATE OR DELETE ON ${table}
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version();
    CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION change_access_version();
    -- Also for what replication writes.
    ALTER TABLE ${table} ENABLE ALWAYS TRIGGER access_version;
    ALTER TABLE ${table} ENABLE ALWAYS TRIGGER access_version_truncated;`,
    ).join('')}
  `)
}

export async function down(): Promise<void> {
  throw new Error('This migration cannot be undone: servers that rely on it would not hear of a revocation.')
}
