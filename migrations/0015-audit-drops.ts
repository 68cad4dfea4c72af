import type { Knex } from 'knex'

/** Which events were dropped is asked at every start and by every reader of bundles, and never by reading the whole log. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`CREATE INDEX audit_events_drop ON audit_events (id) WHERE type = 'audit.drop'`)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP INDEX audit_events_drop')
}
