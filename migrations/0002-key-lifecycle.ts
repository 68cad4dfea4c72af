import type { Knex } from 'knex'

/**
 * What a key's life leaves behind (NIST SP 800-57 part 1, section 7), how often it was used, and the manifest that
 * authenticates all of it. The manifest of a vault that is already there is made by the next start, which has its root key.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE keys
      DROP CONSTRAINT keys_purpose_check,
      ADD CONSTRAINT keys_purpose_check
        CHECK (purpose IN ('display', 'secret', 'index', 'token-signing', 'audit-signing')),
      ADD COLUMN expires_at     timestamptz,
      ADD COLUMN compromised_at timestamptz,
      ADD COLUMN destroyed_at   timestamptz;

    ALTER TABLE root_keys
      ADD COLUMN state          text NOT NULL DEFAULT 'active'
        CHECK (state IN ('active', 'deactivated', 'compromised', 'destroyed')),
      ADD COLUMN activated_at   timestamptz,
      ADD COLUMN deactivated_at timestamptz,
      ADD COLUMN expires_at     timestamptz;

    -- Apart from the keys: it changes all the time, and they never but by intent.
    CREATE TABLE key_uses (
      key_id   text PRIMARY KEY,
      uses     bigint NOT NULL DEFAULT 0,
      reserved bigint NOT NULL DEFAULT 0
    );
    -- What stands on each key: at least so often it was used, and more cannot be told.
    INSERT INTO key_uses (key_id, uses)
      SELECT id, coalesce(sum(stands), 0) FROM (SELECT id FROM keys UNION ALL SELECT id FROM root_keys) every_key
      LEFT JOIN (
        SELECT display_key_id, count(*) FROM records GROUP BY 1
        UNION ALL SELECT secret_key_id, count(*) FROM records GROUP BY 1
        UNION ALL SELECT display_key_id, count(*) FROM record_versions GROUP BY 1
        UNION ALL SELECT secret_key_id, count(*) FROM record_versions GROUP BY 1
        UNION ALL SELECT response_key_id, count(*) FROM idempotency_keys GROUP BY 1
        UNION ALL SELECT reason_key_id, count(*) FROM reveal_reasons GROUP BY 1
        UNION ALL SELECT key_id, count(*) FROM search_terms GROUP BY 1
        UNION ALL SELECT root_key_id, count(*) FROM keys WHERE wrapped IS NOT NULL GROUP BY 1
      ) census (key_id, stands) ON key_id = id
      GROUP BY id;
    COMMENT ON COLUMN key_uses.uses IS 'how often the key sealed, signed, hashed or wrapped, as far as the servers have reported';
    COMMENT ON COLUMN key_uses.reserved IS 'uses handed out to servers and not reported; count as used until they are given back';

    CREATE TABLE key_registry (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      manifest text NOT NULL,
      wrapped  bytea NOT NULL,
      mac      bytea NOT NULL
    );
    COMMENT ON TABLE key_registry IS 'authenticates every row of keys and root_keys';
    COMMENT ON COLUMN key_registry.manifest IS 'the rows as they must be, RFC 8785, with a generation that only grows';
    COMMENT ON COLUMN key_registry.wrapped IS 'the key of the MAC, sealed under the root key (seal format 1)';
    COMMENT ON COLUMN key_registry.mac IS 'HMAC-SHA-256 over the manifest';

    GRANT SELECT, INSERT, UPDATE ON key_registry, key_uses TO strongroom_runtime;
    GRANT UPDATE (state, activated_at, deactivated_at, expires_at) ON root_keys TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error(
    'This migration cannot be undone: without its manifest nobody can tell whether the keys were changed.',
  )
}
