import type { Knex } from 'knex'

/** What grants access says, beside itself, that the vault wrote it; and a release in the name of an authority says which. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE clients ADD COLUMN mac bytea;
    COMMENT ON COLUMN clients.mac IS 'HMAC-SHA-256 over the client, its credentials and its partner, under the key of the key registry''s manifest; gone with a revocation';

    ALTER TABLE partners ADD COLUMN mac bytea;
    COMMENT ON COLUMN partners.mac IS 'HMAC-SHA-256 over the contract, under the key of the key registry''s manifest; gone with its end';

    ALTER TABLE approvals ADD COLUMN authority text;
    COMMENT ON COLUMN approvals.authority IS 'the authority in whose name the release is asked for; the ticket then is its case';

    GRANT UPDATE (mac) ON partners TO strongroom_runtime;
    -- What is long over is swept; the log keeps its events.
    GRANT DELETE ON approvals TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error('This migration cannot be undone: who wrote a client or a contract could not be told any more.')
}
