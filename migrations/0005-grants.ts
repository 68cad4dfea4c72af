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

    CREATE TABLE budget_records (
      caller    text NOT NULL,
      role      text NOT NULL,
      purpose   text NOT NULL,
      span      text NOT NULL CHECK (span IN ('hour', 'day')),
      starts_at timestamptz NOT NULL,
      record    text NOT NULL,
      PRIMARY KEY (caller, role, purpose, span, starts_at, record)
    );
    CREATE INDEX budget_records_starts ON budget_records (starts_at);
    COMMENT ON TABLE budget_records IS 'the records that a caller with a budget has asked for, once for each hour and day';
    COMMENT ON COLUMN budget_records.purpose IS 'empty for masked views and searches';

    CREATE TABLE suspended_callers (
      caller       text PRIMARY KEY,
      role         text NOT NULL,
      purpose      text NOT NULL,
      suspended_at timestamptz NOT NULL
    );
    COMMENT ON TABLE suspended_callers IS 'who went beyond a budget that suspends, until an operator lifts it';

    CREATE TABLE partners (
      id         text PRIMARY KEY,
      name       text NOT NULL,
      country    text NOT NULL,
      contact    text NOT NULL,
      purposes   text[] NOT NULL,
      fields     text[] NOT NULL,
      ends_at    timestamptz NOT NULL,
      created_at timestamptz NOT NULL,
      ended_at   timestamptz
    );
    COMMENT ON TABLE partners IS 'third parties, and what their contracts let them see';

    CREATE TABLE partner_clients (
      client  text PRIMARY KEY,
      partner text NOT NULL
    );
    COMMENT ON TABLE partner_clients IS 'the clients that belong to partners';

    CREATE TABLE approvals (
      id           text PRIMARY KEY,
      caller       text NOT NULL,
      role         text NOT NULL,
      site         text NOT NULL,
      token        text NOT NULL,
      fields       text[] NOT NULL,
      purpose      text NOT NULL,
      ticket       text,
      state        text NOT NULL CHECK (state IN ('pending', 'approved', 'refused', 'used', 'unreviewed', 'reviewed')),
      requested_at timestamptz NOT NULL,
      expires_at   timestamptz NOT NULL,
      decided_by   text,
      decided_at   timestamptz,
      mac          bytea,
      CONSTRAINT approvals_by_another CHECK (decided_by <> caller)
    );
    CREATE INDEX approvals_caller ON approvals (caller) WHERE state IN ('pending', 'approved');
    CREATE INDEX approvals_open ON approvals (site, requested_at) WHERE state IN ('pending', 'unreviewed');
    CREATE INDEX approvals_token ON approvals (token);
    COMMENT ON COLUMN approvals.mac IS 'HMAC-SHA-256 over an approval, under the key of the key registry''s manifest';
    COMMENT ON TABLE approvals IS 'releases that need a second person; their reasons are in reveal_reasons, sealed';

    -- Rows are added and never changed.
    GRANT SELECT, INSERT ON role_sets, partner_clients TO strongroom_runtime;
    GRANT SELECT, INSERT, UPDATE ON approvals TO strongroom_runtime;
    GRANT SELECT, INSERT ON partners TO strongroom_runtime;
    GRANT UPDATE (ended_at) ON partners TO strongroom_runtime;
    GRANT SELECT, INSERT, DELETE ON budget_records, suspended_callers TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error('This migration cannot be undone: without its roles the vault would go by the built-in ones.')
}
