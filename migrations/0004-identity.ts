import type { Knex } from 'knex'

/**
 * Who a caller is, beyond one secret for ever: secrets that overlap and expire, public keys and certificates of clients,
 * members of staff who are refused, and the ids of signed statements that count once, on whichever server they arrive first.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE clients
      ALTER COLUMN secret_hash DROP NOT NULL,
      ADD COLUMN secret_start               text,
      ADD COLUMN secret_expires_at          timestamptz,
      ADD COLUMN previous_secret_hash       text,
      ADD COLUMN previous_secret_expires_at timestamptz,
      ADD COLUMN keys                       jsonb,
      ADD COLUMN certificate                text,
      ADD CONSTRAINT clients_one_way_in CHECK (num_nonnulls(secret_hash, keys, certificate) = 1);
    COMMENT ON COLUMN clients.secret_start IS 'the first characters of the secret, which tell it from the previous one';
    COMMENT ON COLUMN clients.previous_secret_hash IS 'argon2id, PHC string; works until previous_secret_expires_at';
    COMMENT ON COLUMN clients.keys IS 'public keys as a JWK Set (RFC 7517), for private_key_jwt';
    COMMENT ON COLUMN clients.certificate IS 'what the client certificate must show (RFC 8705): form, colon, value';

    CREATE TABLE disabled_staff (
      id          text PRIMARY KEY,
      disabled_at timestamptz NOT NULL
    );
    COMMENT ON TABLE disabled_staff IS 'members of staff whose tokens are refused, whoever signed them';

    CREATE TABLE spent_ids (
      id         bytea PRIMARY KEY,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX spent_ids_expires ON spent_ids (expires_at);
    COMMENT ON TABLE spent_ids IS 'the jti of client assertions (RFC 7523) and DPoP proofs (RFC 9449) that were accepted';
    COMMENT ON COLUMN spent_ids.id IS 'SHA-256 over the kind of statement, who signed it and its jti';

    GRANT SELECT, INSERT, DELETE ON disabled_staff, spent_ids TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error('This migration cannot be undone: clients without a secret would have no way in.')
}
