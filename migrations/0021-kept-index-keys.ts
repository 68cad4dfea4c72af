import type { Knex } from 'knex'

/** A rotation destroys the index keys that it has emptied, unless it was asked to keep them. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE rotations ADD COLUMN keeps_keys boolean NOT NULL DEFAULT false;
    COMMENT ON COLUMN rotations.keeps_keys IS 'index keys that it empties are kept, rather than destroyed';
  `)
}

export async function down(): Promise<void> {
  throw new Error('migrations go forward only')
}
