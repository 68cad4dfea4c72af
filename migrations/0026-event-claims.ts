import type { Knex } from 'knex'

/** What each process claims of the numbers of its events, so that its last ones are missed as well. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE audit_claims (
      change  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      process text COLLATE "C" NOT NULL,
      claim   text NOT NULL,
      mac     bytea NOT NULL CHECK (length(mac) = 48)
    );
    CREATE INDEX audit_claims_process ON audit_claims (process);
    COMMENT ON TABLE audit_claims IS 'how far each process has numbered its events, as it says itself';
    COMMENT ON COLUMN audit_claims.change IS 'the order of the latest changes';
    COMMENT ON COLUMN audit_claims.claim IS 'JSON: settled, skipped, lost, and closed when the process has ended in order';
    COMMENT ON COLUMN audit_claims.mac IS 'over the claim, made by the process';

    ALTER TABLE audit_processes ADD COLUMN mac bytea CHECK (length(mac) = 48);
    COMMENT ON COLUMN audit_processes.mac IS 'over process and seen; where it does not fit, the log is read again';

    CREATE INDEX audit_events_stop ON audit_events (id) WHERE type IN ('audit.missing', 'audit.resume');
    CREATE INDEX audit_events_taken_away ON audit_events (id)
      WHERE type IN ('client.revoke', 'partner.end', 'staff.disable', 'staff.enable');

    GRANT SELECT, INSERT, UPDATE (change, claim, mac) ON audit_claims TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error('migrations go forward only')
}
