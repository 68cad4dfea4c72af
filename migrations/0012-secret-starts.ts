import type { Knex } from 'knex'

/** What tells a secret that is overlapped from a guess: without it, its client would wait among strangers to log in. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE clients ADD COLUMN previous_secret_start text;
    COMMENT ON COLUMN clients.previous_secret_start IS 'the first characters of the secret before; null for one from before this was kept';
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('ALTER TABLE clients DROP COLUMN previous_secret_start')
}
