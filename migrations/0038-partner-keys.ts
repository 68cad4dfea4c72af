import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/**
 * The public keys of a partner, to which what is released to it is encrypted. They are part of its contract, under the
 * same MAC. An approval of such a release names the partner. A contract without keys and an approval without a partner
 * are as they were, and so are their MACs.
 */
export const migration: OnlineMigration = {
  change: (tx) =>
    tx.raw(`
ALTER TABLE partners ADD COLUMN keys jsonb;
COMMENT ON COLUMN partners.keys IS 'the public keys that releases to the partner are encrypted to, as a JWK Set; null for none';
GRANT UPDATE (keys) ON partners TO strongroom_runtime;
ALTER TABLE approvals ADD COLUMN partner text;
COMMENT ON COLUMN approvals.partner IS 'the partner to whose key the record leaves; null if it leaves to the caller';
`),
}
