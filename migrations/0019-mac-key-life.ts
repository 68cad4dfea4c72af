import type { Knex } from 'knex'

/**
 * The key of the registry's manifest is a key of the registry itself, and every MAC is made with a fresh key when the root key
 * is replaced. The first start takes over the key that stands beside the manifest.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE key_registry ALTER COLUMN wrapped DROP NOT NULL;
    COMMENT ON COLUMN key_registry.wrapped IS 'the key of the MAC of a manifest of an earlier version, until the first start of this one; null since';
    COMMENT ON COLUMN key_registry.mac IS 'HMAC-SHA-256 over the manifest, under the key of the registry that it names';

    -- The manifest says which keys there are, and of which purposes.
    ALTER TABLE keys DROP CONSTRAINT keys_purpose_check;

    COMMENT ON COLUMN clients.mac IS 'HMAC-SHA-256 over the client, its credentials and its partner, behind the id of its access-mac key; gone with a revocation';
    COMMENT ON COLUMN partners.mac IS 'HMAC-SHA-256 over the contract, behind the id of its access-mac key; gone with its end';
    COMMENT ON COLUMN role_sets.mac IS 'HMAC-SHA-256 over the revision and the roles, behind the id of its access-mac key';
    -- The newest set gets another MAC when the key of its MAC is replaced.
    GRANT UPDATE (mac) ON role_sets TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error('migrations go forward only')
}
