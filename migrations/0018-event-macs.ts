import type { Knex } from 'knex'

/** Events that the vault made, and no others: each has its MAC, and each process numbers its own. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE audit_events ADD COLUMN mac bytea CHECK (length(mac) = 48);
    COMMENT ON COLUMN audit_events.mac IS 'over the body, made by the process that made the event; never shown. Null for events of earlier versions and of commands without keys';

    CREATE TABLE audit_processes (
      process text COLLATE "C" PRIMARY KEY,
      seen    text NOT NULL
    );
    COMMENT ON TABLE audit_processes IS 'which numbers of each process the sequencer has seen';
    COMMENT ON COLUMN audit_processes.seen IS 'numbers and ranges, such as 1-17 19';

    CREATE TABLE audit_missing (
      process    text COLLATE "C" NOT NULL,
      first      bigint NOT NULL,
      last       bigint NOT NULL,
      found_at   timestamptz NOT NULL,
      resumed_by text COLLATE "C",
      PRIMARY KEY (process, first)
    );
    COMMENT ON TABLE audit_missing IS 'numbers of events that are gone: nothing is released until an operator has looked';
    COMMENT ON COLUMN audit_missing.resumed_by IS 'the event of that';

    GRANT SELECT, INSERT, UPDATE ON audit_processes TO strongroom_runtime;
    GRANT SELECT, INSERT, UPDATE (resumed_by) ON audit_missing TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error('migrations go forward only')
}
