import type { Knex } from 'knex'
import { currentSchema } from '../src/database/current-schema.ts'

/** The first half of the advisory locks of records; the second is `record_lock`. */
const CLASS = 0x7374_7230

/**
 * A release is ordered against corrections and erasures by advisory locks: a row lock would write the row. A record's lock is
 * one of 1,024, so that the locks of large batches always fit into the lock table of the server. `hold_to_change` is called
 * before anything else of the record is locked, and `hold_to_release` takes its locks in ascending order, so that no two
 * transactions wait for each other in a circle.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  await knex.raw(`
    CREATE FUNCTION record_lock(token text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
      AS $$ SELECT hashtext(token) & 1023 $$;
    COMMENT ON FUNCTION record_lock IS 'which of 1,024 advisory locks is that of the record';

    -- In PL/pgSQL every statement of a volatile function has a snapshot of its own: the second one is later than the locks.
    CREATE FUNCTION hold_to_release(wanted text[], may_wait boolean)
      RETURNS TABLE (held text, held_version integer, held_consents text[], is_locked boolean)
      LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
      locked integer[] := '{}';
    BEGIN
      IF may_wait THEN
        PERFORM pg_advisory_xact_lock_shared(${CLASS}, lock)
        FROM (SELECT DISTINCT ${schema}.record_lock(token) AS lock FROM unnest(wanted) AS w (token) ORDER BY 1) AS l;
      ELSE
        SELECT coalesce(array_agg(lock), '{}') INTO locked
        FROM (SELECT DISTINCT ${schema}.record_lock(token) AS lock FROM unnest(wanted) AS w (token)) AS l
        WHERE NOT pg_try_advisory_xact_lock_shared(${CLASS}, lock);
      END IF;
      RETURN QUERY
        SELECT r.token, r.version, r.consents, ${schema}.record_lock(w.token) = ANY (locked)
        FROM (SELECT DISTINCT unnest(wanted)) AS w (token)
        CROSS JOIN LATERAL (SELECT * FROM ${schema}.records WHERE token = w.token AND erased_at IS NULL OFFSET 0) AS r;
    END $$;
    COMMENT ON FUNCTION hold_to_release IS 'the live records, kept from correction and erasure until the transaction ends; is_locked: another transaction has the lock, which was not waited for';

    CREATE FUNCTION hold_to_change(token text) RETURNS void LANGUAGE sql VOLATILE
      AS $$ SELECT pg_advisory_xact_lock(${CLASS}, ${schema}.record_lock(token)) $$;
    COMMENT ON FUNCTION hold_to_change IS 'waits until every release of the record is committed or gone, and keeps others waiting until the transaction ends';

    REVOKE ALL ON FUNCTION record_lock, hold_to_release, hold_to_change FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION record_lock, hold_to_release, hold_to_change TO strongroom_runtime;

    -- A sweep is in pages, and no page locks many rows.
    DROP FUNCTION sweep_approval_uses();
    CREATE FUNCTION sweep_approval_uses(most integer DEFAULT 1000) RETURNS SETOF text LANGUAGE sql
      SECURITY DEFINER SET search_path = pg_catalog, ${schema}, pg_temp AS $$
      DELETE FROM ${schema}.approval_uses WHERE approval IN (
        SELECT approval FROM ${schema}.approval_uses u WHERE used_at < now() - interval '400 days'
          AND NOT EXISTS (SELECT FROM ${schema}.approvals a WHERE a.id = u.approval)
        LIMIT most FOR UPDATE SKIP LOCKED)
      RETURNING approval
    $$;
    COMMENT ON FUNCTION sweep_approval_uses IS 'removes the uses of approvals that were removed long ago, by the clock of the database, so many at the most';
    REVOKE ALL ON FUNCTION sweep_approval_uses FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION sweep_approval_uses TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error('migrations go forward only')
}
