import type { Knex } from 'knex'
import { currentSchema } from '../src/database/current-schema.ts'

/**
 * An approval is used once because of a row that is only ever added, in the transaction of its release. Its MAC says that it
 * was approved, by which person and when. Earlier MACs said none of this, and stood beside what was refused too: they count no
 * more. What was approved and not used yet ends here, and is asked for again.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  await knex.raw(`
    CREATE TABLE approval_uses (
      approval text PRIMARY KEY,
      event    text NOT NULL,
      used_at  timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE approval_uses IS 'which approvals have let a release out; the server can add a row, and change or remove none';
    COMMENT ON COLUMN approval_uses.event IS 'the event of the release, which commits with the row';
    GRANT SELECT, INSERT (approval, event) ON approval_uses TO strongroom_runtime;
    CREATE INDEX approval_uses_used_at ON approval_uses (used_at);

    CREATE FUNCTION sweep_approval_uses() RETURNS void LANGUAGE sql
      SECURITY DEFINER SET search_path = pg_catalog, ${schema}, pg_temp AS $$
      DELETE FROM ${schema}.approval_uses u WHERE used_at < now() - interval '400 days'
        AND NOT EXISTS (SELECT FROM ${schema}.approvals a WHERE a.id = u.approval)
    $$;
    COMMENT ON FUNCTION sweep_approval_uses IS 'removes the uses of approvals that were removed long ago, by the clock of the database';
    REVOKE ALL ON FUNCTION sweep_approval_uses FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION sweep_approval_uses TO strongroom_runtime;

    UPDATE approvals SET expires_at = least(expires_at, decided_at) WHERE state = 'approved';
    UPDATE approvals SET mac = NULL WHERE mac IS NOT NULL;
    COMMENT ON COLUMN approvals.mac IS 'of what was approved, and of nothing else: HMAC-SHA-256 over the verdict, the request, who decided and when, behind the id of its access-mac key';
    COMMENT ON COLUMN approvals.state IS 'what people see; whether an approval was used, approval_uses says';
  `)
}

export async function down(): Promise<void> {
  throw new Error('This migration cannot be undone: what was refused could be used as if it had been approved.')
}
