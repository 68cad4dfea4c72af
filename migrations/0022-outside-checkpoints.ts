import type { Knex } from 'knex'

/**
 * Checkpoints that were seen outside and that the log in this database does not contain: the database was restored from a
 * backup, or a failover has lost its end. As long as one of them is not settled, nothing is read.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE outside_checkpoints (
      size bigint NOT NULL CHECK (size > 0),
      root bytea NOT NULL,
      note text,
      source text NOT NULL,
      seen_at timestamptz NOT NULL,
      settled_by text,
      PRIMARY KEY (size, root)
    );
    CREATE INDEX outside_checkpoints_open ON outside_checkpoints (size) WHERE settled_by IS NULL;
    COMMENT ON TABLE outside_checkpoints IS 'checkpoints that were seen outside and that this log does not contain';
    COMMENT ON COLUMN outside_checkpoints.root IS 'empty where a witness says no more than the size';
    COMMENT ON COLUMN outside_checkpoints.note IS 'the signed note; null where a witness says no more than the size';
    COMMENT ON COLUMN outside_checkpoints.source IS 'the name of the target or of the witness';
    COMMENT ON COLUMN outside_checkpoints.settled_by IS 'the restore.apply or restore.waive event; null while nothing is read';
    GRANT SELECT, INSERT, UPDATE (settled_by) ON outside_checkpoints TO strongroom_runtime;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE outside_checkpoints')
}
