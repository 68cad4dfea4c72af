import type { Knex } from 'knex'
import { currentSchema } from '../src/database/current-schema.ts'

/**
 * Partitions of the audit log are made beside it and attached, and what is in the way of one can be seen. `CREATE TABLE …
 * PARTITION OF` locks the whole log against everybody who reads or writes it; to attach keeps no writer of events waiting.
 *
 * PostgreSQL vacuums a table when a fifth of it is dead. For a million records that is late, and for tables whose rows all go
 * within a day it is always behind. An operator may set other values: the comparison of the schema leaves them alone.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  const pinned = `SET search_path = pg_catalog, ${schema}, pg_temp`
  await knex.raw(`
    ALTER TABLE records SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
      autovacuum_analyze_scale_factor = 0.02);
    ALTER TABLE search_terms SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
      autovacuum_analyze_scale_factor = 0.02);
    -- Every row goes. An answer may be long enough for TOAST.
    ALTER TABLE idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
      autovacuum_analyze_scale_factor = 0.05,
      toast.autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_vacuum_threshold = 1000);
    ALTER TABLE spent_ids SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
      autovacuum_analyze_scale_factor = 0.05);

    CREATE FUNCTION audit_partition_bounds(OUT lower text, OUT upper text) RETURNS SETOF record LANGUAGE sql STABLE ${pinned} AS $$
      SELECT substring(bound FROM 'FROM \\(''([^'']*)''\\)'), substring(bound FROM 'TO \\(''([^'']*)''\\)$')
      FROM (SELECT pg_get_expr(relpartbound, c.oid) AS bound FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
            WHERE inhparent = '${schema}.audit_events'::regclass) p
      WHERE bound <> 'DEFAULT'
    $$;
    COMMENT ON FUNCTION audit_partition_bounds IS 'the first id of each partition, null in the one for all that are older, and the first id after it';
    REVOKE ALL ON FUNCTION audit_partition_bounds FROM PUBLIC;

    CREATE FUNCTION audit_has_partition(month timestamp) RETURNS boolean LANGUAGE sql STABLE ${pinned} AS $$
      SELECT EXISTS (SELECT FROM ${schema}.audit_partition_bounds()
        WHERE coalesce(lower, '') <= ${schema}.audit_event_id_at($1 AT TIME ZONE 'UTC') COLLATE "C"
          AND upper >= ${schema}.audit_event_id_at(($1 + interval '1 month') AT TIME ZONE 'UTC') COLLATE "C")
    $$;
    COMMENT ON FUNCTION audit_has_partition IS 'whether the events of a whole month have another partition than the default one';
    REVOKE ALL ON FUNCTION audit_has_partition FROM PUBLIC;

    CREATE FUNCTION audit_partition_state(at timestamptz, OUT months_ahead integer, OUT astray bigint, OUT first_astray text)
      LANGUAGE sql STABLE SECURITY DEFINER ${pinned} AS $$
      SELECT
        (SELECT coalesce(min(n), 4) - 1 FROM generate_series(0, 3) AS n
         WHERE NOT ${schema}.audit_has_partition(date_trunc('month', $1 AT TIME ZONE 'UTC') + make_interval(months => n))),
        count(*), min(id)
      -- What lies below the first partition was kept by a drop, and is where it belongs.
      FROM (SELECT id FROM ${schema}.audit_events_other
            WHERE id >= (SELECT CASE WHEN bool_or(lower IS NULL) THEN '' ELSE coalesce(min(lower COLLATE "C"), '') END
                         FROM ${schema}.audit_partition_bounds())
            ORDER BY id LIMIT 10000) AS e
    $$;
    COMMENT ON FUNCTION audit_partition_state IS 'how many months behind the one of that time have partitions, -1 when not even that has one; how many events lie in the default partition for want of one, counted up to 10,000';
    REVOKE ALL ON FUNCTION audit_partition_state FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION audit_partition_state TO strongroom_runtime;

    CREATE FUNCTION audit_make_partition(month timestamp, takes_astray boolean) RETURNS void LANGUAGE plpgsql ${pinned} AS $$
    DECLARE
      partition text := 'audit_events_' || to_char(month, 'YYYY_MM');
      first text := ${schema}.audit_event_id_at(month AT TIME ZONE 'UTC');
      next text := ${schema}.audit_event_id_at((month + interval '1 month') AT TIME ZONE 'UTC');
    BEGIN
      IF ${schema}.audit_has_partition(month) THEN RETURN; END IF;
      IF takes_astray THEN
        -- A statement that has looked for its partitions before the events move, and reads after it, would not see them.
        LOCK TABLE ONLY ${schema}.audit_events IN ACCESS EXCLUSIVE MODE;
      ELSE
        -- What attaching takes anyway, taken first: two servers take turns, and never wait for each other in a circle.
        LOCK TABLE ONLY ${schema}.audit_events IN SHARE UPDATE EXCLUSIVE MODE;
      END IF;
      IF ${schema}.audit_has_partition(month) THEN RETURN; END IF;
      IF NOT takes_astray AND EXISTS (SELECT FROM ${schema}.audit_events_other WHERE id >= first AND id < next) THEN RETURN; END IF;
      -- For its check PostgreSQL does not read a table that it attaches. It reads the default partition, which holds next to
      -- nothing: a check there would refuse events of the month for as long as it is not attached.
      EXECUTE format('CREATE TABLE ${schema}.%I (LIKE ${schema}.audit_events INCLUDING ALL,
        CONSTRAINT bounds CHECK (id IS NOT NULL AND id >= %L AND id < %L))', partition, first, next);
      IF takes_astray THEN
        EXECUTE format('WITH moved AS (DELETE FROM ${schema}.audit_events_other WHERE id >= $1 AND id < $2 RETURNING *)
          INSERT INTO ${schema}.%I SELECT * FROM moved', partition) USING first, next;
      END IF;
      EXECUTE format('ALTER TABLE ${schema}.audit_events ATTACH PARTITION ${schema}.%I FOR VALUES FROM (%L) TO (%L)',
        partition, first, next);
      EXECUTE format('ALTER TABLE ${schema}.%I DROP CONSTRAINT bounds', partition);
    END $$;
    COMMENT ON FUNCTION audit_make_partition IS 'makes the partition of a month; with the events of that month that lie in the default partition, or not at all while there are such';
    REVOKE ALL ON FUNCTION audit_make_partition FROM PUBLIC;

    CREATE OR REPLACE FUNCTION audit_prepare_partitions() RETURNS void LANGUAGE plpgsql
      SECURITY DEFINER ${pinned} SET lock_timeout = '200ms' AS $$
    BEGIN
      FOR ahead IN 0..3 LOOP
        BEGIN
          PERFORM ${schema}.audit_make_partition(
            date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead), false);
        EXCEPTION
          -- Somebody reads for longer than others should wait, a table has the name, or the month lies in an older partition
          -- in part. That the month is missing, audit_partition_state says.
          WHEN check_violation OR invalid_object_definition OR duplicate_table OR lock_not_available THEN NULL;
        END;
      END LOOP;
    END $$;
  `)
}

export async function down(): Promise<void> {
  throw new Error('This migration cannot be undone: servers rely on its functions.')
}
