import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/** Holds keep records from being erased. The ledger of access says which of them count. */
export const migration: OnlineMigration = {
  change: (tx) =>
    tx.raw(`
CREATE TABLE holds (
  created_at timestamptz NOT NULL,
  review_at  timestamptz NOT NULL,
  token      uuid NOT NULL,
  kind       smallint NOT NULL,
  site       smallint NOT NULL,
  id         text PRIMARY KEY,
  purpose    text,
  reason     text NOT NULL
);
CREATE INDEX holds_token ON holds (token);
COMMENT ON TABLE holds IS 'what keeps records from being erased; a row counts where the ledger of access names it';
COMMENT ON COLUMN holds.review_at IS 'when a person has to look at the hold again';
COMMENT ON COLUMN holds.purpose IS 'the purpose that the record is kept for; null for every one';
COMMENT ON COLUMN holds.reason IS 'what a person wrote, in the clear';
GRANT SELECT, INSERT, DELETE ON holds TO strongroom_runtime;
`),
}
