import type { Knex } from 'knex'

/** What each table stores of keys, and of what they made. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  records: ['display_key_id', 'display_sealed', 'secret_key_id', 'secret_sealed'],
  record_versions: ['display_key_id', 'display_sealed', 'secret_key_id', 'secret_sealed'],
  reveal_reasons: ['reason_key_id', 'reason_sealed'],
  idempotency_keys: ['response_key_id', 'response_sealed', 'index_key_id', 'key_hash', 'request_hash'],
  search_terms: ['key_id', 'term', 'mac'],
}

/**
 * Makes the triggers of migration 0017 again, with conditions that a backup keeps as they are. PostgreSQL writes a comparison of
 * rows as a tree of ORs, and reads that tree back as one list: a database that `pg_restore` had filled was then not the
 * vault's own any more, and served nothing.
 */
export async function up(knex: Knex): Promise<void> {
  for (const [table, columns] of Object.entries(COLUMNS)) {
    const isChanged = columns.map((column) => `NEW.${column} IS DISTINCT FROM OLD.${column}`).join(' OR ')
    await knex.raw(`
      DROP TRIGGER protecting_keys_of_changed ON ${table};
      CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON ${table}
        FOR EACH ROW WHEN (${isChanged}) EXECUTE FUNCTION ${table}_require_protecting_keys()`)
  }
}

/** The triggers do what they did before. */
export async function down(): Promise<void> {}
