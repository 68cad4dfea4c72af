import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/**
 * What partners are to be told, until they have taken it, and counts of visits. What a notice says is in its event; the row only says
 * which one, and when it is sent next. Neither table holds anything of a shopper.
 */
export const migration: OnlineMigration = {
  change: (tx) =>
    tx.raw(`
CREATE TABLE notices (
  created_at   timestamptz NOT NULL,
  next_at      timestamptz NOT NULL,
  delivered_at timestamptz,
  attempts     integer NOT NULL DEFAULT 0,
  id           text PRIMARY KEY,
  event        text NOT NULL,
  fault        text
);
CREATE INDEX notices_waiting ON notices (next_at) WHERE delivered_at IS NULL;
CREATE INDEX notices_delivered ON notices (delivered_at) WHERE delivered_at IS NOT NULL;
COMMENT ON COLUMN notices.event IS 'the audit event that says what the notice is about';
COMMENT ON COLUMN notices.fault IS 'why the last attempt failed, in words of the vault';
GRANT SELECT, INSERT, UPDATE, DELETE ON notices TO strongroom_runtime;

CREATE TABLE visit_counts (
  day     date NOT NULL,
  measure text NOT NULL,
  count   bigint NOT NULL,
  PRIMARY KEY (day, measure)
);
COMMENT ON TABLE visit_counts IS 'how often something happened on the pages for shoppers in a day, by no person';
GRANT SELECT, INSERT, UPDATE, DELETE ON visit_counts TO strongroom_runtime;
`),
}
