import type { Knex } from 'knex'

/**
 * What a rotation leaves in the database beside the values that it moves: who rotates which keys and how far they are, how
 * many values were moved off each key, and under which index key an idempotency key was hashed.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE rotations (
      purpose         text PRIMARY KEY,
      operator        text NOT NULL,
      requested_at    timestamptz NOT NULL,
      begun_at        timestamptz,
      detached        boolean NOT NULL,
      rows_per_second integer,
      runner          text,
      runner_since    timestamptz,
      moved           bigint NOT NULL DEFAULT 0,
      total           bigint NOT NULL DEFAULT 0,
      damaged         integer NOT NULL DEFAULT 0,
      finished_at     timestamptz
    );
    COMMENT ON TABLE rotations IS 'the latest rotation of the keys of each purpose; unfinished ones are gone on with';
    COMMENT ON COLUMN rotations.detached IS 'a server runs it, whichever takes the lock first';
    COMMENT ON COLUMN rotations.runner IS 'host and process that runs it, or ran it last';

    CREATE TABLE key_retirements (
      key_id   text PRIMARY KEY,
      moved    bigint NOT NULL,
      empty_at timestamptz,
      event    text
    );
    COMMENT ON TABLE key_retirements IS 'how many values were moved off a key, and when a census found none left';
    COMMENT ON COLUMN key_retirements.event IS 'the audit event of that census';

    -- So few that the index costs nothing, and found in a log of any length.
    CREATE INDEX audit_events_key_retire ON audit_events (id) WHERE type = 'key.retire';

    -- Until now there was one index key.
    ALTER TABLE idempotency_keys ADD COLUMN index_key_id text;
    UPDATE idempotency_keys SET index_key_id = (SELECT id FROM keys WHERE purpose = 'index' AND state = 'active');
    ALTER TABLE idempotency_keys ALTER COLUMN index_key_id SET NOT NULL;
    COMMENT ON COLUMN idempotency_keys.index_key_id IS 'the index key that made the hashes';

    GRANT SELECT, INSERT, UPDATE ON rotations, key_retirements TO strongroom_runtime;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE idempotency_keys DROP COLUMN index_key_id;
    DROP INDEX audit_events_key_retire;
    DROP TABLE key_retirements, rotations;
  `)
}
