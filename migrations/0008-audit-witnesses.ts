import type { Knex } from 'knex'

/** Where checkpoints are shipped to, and what witnesses have signed under them (C2SP tlog-cosignature). */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE audit_shipments (
      target  text PRIMARY KEY,
      size    bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
      next_at timestamptz NOT NULL DEFAULT '-infinity'
    );
    COMMENT ON COLUMN audit_shipments.size IS 'of the last checkpoint that arrived there';
    COMMENT ON COLUMN audit_shipments.next_at IS 'when the next is due; who puts it off is the server that ships';

    CREATE TABLE audit_cosignatures (
      checkpoint  text NOT NULL,
      witness     text NOT NULL,
      signature   text NOT NULL,
      cosigned_at timestamptz NOT NULL,
      PRIMARY KEY (checkpoint, witness)
    );
    COMMENT ON COLUMN audit_cosignatures.checkpoint IS 'the text that was signed: origin, size and root';
    COMMENT ON COLUMN audit_cosignatures.signature IS 'the line that belongs under the note';

    GRANT SELECT, INSERT, UPDATE ON audit_shipments TO strongroom_runtime;
    GRANT SELECT, INSERT ON audit_cosignatures TO strongroom_runtime;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE audit_cosignatures; DROP TABLE audit_shipments')
}
