import type { Knex } from 'knex'

/** Who may see what, as far as operators change it. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE role_sets (
      revision   integer PRIMARY KEY CHECK (revision > 0),
      roles      text NOT NULL,
      mac        bytea NOT NULL,
      created_at timestamptz NOT NULL
    );
    COMMENT ON TABLE role_sets IS 'the roles that operators applied; the highest revision is in force, without any the built-in set';
    COMMENT ON COLUMN role_sets.roles IS 'the file of roles, RFC 8785';
    COMMENT ON COLUMN role_sets.mac IS 'HMAC-SHA-256 over revision and roles, under the key of the key registry''s manifest';

    -- Rows are added and never changed.
    GRANT SELECT, INSERT ON role_sets TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error('This migration cannot be undone: without its roles the vault would go by the built-in ones.')
}
