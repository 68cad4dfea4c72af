import type { Knex } from 'knex'

/**
 * A search term says who wrote it, and to which version of which record it leads. The terms that are there get their MACs
 * with the next rotation of the index key, which opens each record: a migration has no keys.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE search_terms ADD COLUMN mac bytea;
    COMMENT ON COLUMN search_terms.mac IS
      'HMAC-SHA-256 under the same index key over term, type, site, token and version of the record';
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('ALTER TABLE search_terms DROP COLUMN mac')
}
