import type { Knex } from 'knex'

/** MAC keys are keys of the registry, with a state and a life of their own. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE keys DROP CONSTRAINT keys_purpose_check;
    ALTER TABLE keys ADD CONSTRAINT keys_purpose_check CHECK (purpose IN (
      'display', 'secret', 'index', 'token-signing', 'audit-signing', 'access-mac', 'event-mac'));
  `)
}

export async function down(): Promise<void> {
  throw new Error('migrations go forward only')
}
