import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/**
 * Security codes between their entry and their use. Both tables are unlogged: nothing of them comes into the write-ahead log or to a
 * standby, and a crash empties them. What they hold opens only with keys that are in the memory of the servers.
 */
export const migration: OnlineMigration = {
  change: (tx) =>
    tx.raw(`
CREATE UNLOGGED TABLE security_code_keys (
  accepts_until timestamptz NOT NULL,
  public_key    bytea PRIMARY KEY,
  mac           bytea NOT NULL
);
COMMENT ON COLUMN security_code_keys.public_key IS 'X25519; the private key is in the memory of one server process alone';
COMMENT ON COLUMN security_code_keys.accepts_until IS 'until when codes are sealed to the key, unless its process publishes it again';
GRANT SELECT, INSERT, UPDATE, DELETE ON security_code_keys TO strongroom_runtime;

CREATE UNLOGGED TABLE security_codes (
  expires_at timestamptz NOT NULL,
  id         text PRIMARY KEY,
  recipients bytea[] NOT NULL,
  seals      bytea[] NOT NULL,
  mac        bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX security_codes_expires ON security_codes (expires_at);
COMMENT ON COLUMN security_codes.recipients IS 'the public keys of the processes that can open the code';
COMMENT ON COLUMN security_codes.seals IS 'the code, sealed to each of them';
GRANT SELECT, INSERT, DELETE ON security_codes TO strongroom_runtime;
`),
}
