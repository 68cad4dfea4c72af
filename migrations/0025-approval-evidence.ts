import type { Knex } from 'knex'

/**
 * What the vault can compare an approval with when somebody has changed its rows: the size of the log when it was decided, and
 * a MAC of the request itself. An approval that was given before says nothing of the log: it ends here, and is asked for again.
 * The events of keys are found likewise, for a start that holds the registry against them.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE approvals ADD COLUMN log_size bigint, ADD COLUMN request_mac bytea;
    COMMENT ON COLUMN approvals.log_size IS 'how many leaves the log had when this was approved: the event of its release comes behind them';
    COMMENT ON COLUMN approvals.request_mac IS 'HMAC-SHA-256 over what was asked, by which caller and when, behind the id of its access-mac key';
    UPDATE approvals SET expires_at = least(expires_at, decided_at) WHERE state = 'approved';

    -- By the body, which has a MAC and a leaf; the other columns of an event have neither.
    CREATE INDEX audit_events_approval ON audit_events (substring(body, '"approval":"([^"]*)"'))
      WHERE strpos(body, '"approval":"') > 0;
    CREATE INDEX audit_events_key ON audit_events (id) WHERE strpos(body, '"type":"key.') > 0;
  `)
}

export async function down(): Promise<void> {
  throw new Error('migrations go forward only')
}
