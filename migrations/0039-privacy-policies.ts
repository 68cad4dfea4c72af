import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/**
 * The versions of the privacy policy. A version is never replaced; only when it was adopted is written later. A change of the rows is
 * a change of access, since they say for which purposes records may be released.
 */
export const migration: OnlineMigration = {
  change: (tx) =>
    tx.raw(`
CREATE TABLE privacy_policies (
  version      text PRIMARY KEY,
  document     text NOT NULL,
  published_at timestamptz NOT NULL,
  adopted_at   timestamptz
);
COMMENT ON TABLE privacy_policies IS 'the published versions of the privacy policy; the access ledger covers all of them';
COMMENT ON COLUMN privacy_policies.document IS 'the file as it was published: front matter and Markdown';
COMMENT ON COLUMN privacy_policies.adopted_at IS 'when an operator said that records of no published version count as this one; the latest holds';
GRANT SELECT, INSERT, UPDATE (adopted_at) ON privacy_policies TO strongroom_runtime;

CREATE CONSTRAINT TRIGGER access_version AFTER INSERT OR UPDATE OR DELETE ON privacy_policies
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_access_version();
CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON privacy_policies
  FOR EACH STATEMENT EXECUTE FUNCTION change_access_version();
ALTER TABLE privacy_policies ENABLE ALWAYS TRIGGER access_version;
ALTER TABLE privacy_policies ENABLE ALWAYS TRIGGER access_version_truncated;
`),
}
