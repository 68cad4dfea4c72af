import type { Knex } from 'knex'
import { currentSchema } from '../src/database/current-schema.ts'

/**
 * The audit log as a Merkle tree (RFC 9162, section 2.1), and its events in a partition for each month, so that old ones can
 * be dropped whole.
 *
 * An event takes its `position` when it is inserted. The sequencer walks along the positions and gives every committed event
 * its place in the tree, in `audit_leaves`; a server may add to both and change neither.
 *
 * A server has no DDL: the months to come are prepared by a function that does that and nothing else.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  await knex.raw(`
    CREATE SEQUENCE audit_positions;
    ALTER TABLE audit_events RENAME TO audit_events_early;
    ALTER INDEX audit_events_pkey RENAME TO audit_events_early_pkey;
    ALTER INDEX audit_events_token RENAME TO audit_events_early_token;
    ALTER INDEX audit_events_caller RENAME TO audit_events_early_caller;
    ALTER INDEX audit_events_key_retire RENAME TO audit_events_early_key_retire;
    -- One rewrite of the table for both.
    ALTER TABLE audit_events_early
      ALTER COLUMN id TYPE text COLLATE "C",
      ADD COLUMN position bigint NOT NULL DEFAULT nextval('audit_positions');

    CREATE TABLE audit_events (
      id          text COLLATE "C" PRIMARY KEY,
      occurred_at timestamptz NOT NULL,
      type        text NOT NULL,
      caller      text,
      token       text,
      site        text,
      body        text NOT NULL,
      position    bigint NOT NULL DEFAULT nextval('audit_positions')
    ) PARTITION BY RANGE (id);
    CREATE INDEX audit_events_token ON audit_events (token, id) WHERE token IS NOT NULL;
    CREATE INDEX audit_events_caller ON audit_events (caller, id) WHERE caller IS NOT NULL;
    CREATE INDEX audit_events_key_retire ON audit_events (id) WHERE type = 'key.retire';
    CREATE INDEX audit_events_public_key ON audit_events (id) WHERE type IN ('audit.key', 'key.create');
    CREATE INDEX audit_events_position ON audit_events (position);
    COMMENT ON COLUMN audit_events.body IS 'the event in its canonical form, RFC 8785; the other columns repeat parts of it';
    COMMENT ON COLUMN audit_events.position IS 'the order of insertion, not of the log: numbers of what was rolled back are missing';
    GRANT SELECT, INSERT ON audit_events TO strongroom_runtime;
    GRANT USAGE ON SEQUENCE audit_positions TO strongroom_runtime;

    CREATE FUNCTION audit_event_id_at(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
      SELECT 'evt_' || string_agg(
        substr('0123456789abcdefghjkmnpqrstvwxyz',
               ((floor(extract(epoch FROM at) * 1000)::bigint >> (45 - 5 * i)) & 31)::integer + 1, 1), '' ORDER BY i)
      FROM generate_series(0, 9) AS i
    $$;
    COMMENT ON FUNCTION audit_event_id_at IS 'what sorts before every event of that time and after all that are older';

    CREATE FUNCTION audit_prepare_partitions() RETURNS void LANGUAGE plpgsql
      SECURITY DEFINER SET search_path = pg_catalog, ${schema}, pg_temp SET lock_timeout = '200ms' AS $$
    DECLARE
      this_month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
      month timestamp;
      partition text;
    BEGIN
      FOR ahead IN 0..3 LOOP
        month := this_month + make_interval(months => ahead);
        partition := 'audit_events_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass('${schema}.' || partition) IS NOT NULL;
        BEGIN
          EXECUTE format('CREATE TABLE ${schema}.%I PARTITION OF ${schema}.audit_events FOR VALUES FROM (%L) TO (%L)', partition,
            ${schema}.audit_event_id_at(month AT TIME ZONE 'UTC'),
            ${schema}.audit_event_id_at((month + interval '1 month') AT TIME ZONE 'UTC'));
        EXCEPTION
          -- A clock that ran ahead has left rows of that month in the partition for everything else, the month belongs to
          -- an older partition, another server was first, or somebody reads for longer than inserts should wait.
          WHEN check_violation OR invalid_object_definition OR duplicate_table OR lock_not_available THEN NULL;
        END;
      END LOOP;
    END $$;
    COMMENT ON FUNCTION audit_prepare_partitions IS 'makes the partitions of this month and the next three';
    REVOKE ALL ON FUNCTION audit_prepare_partitions FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION audit_prepare_partitions TO strongroom_runtime;

    DO $$ BEGIN
      EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION audit_events_early FOR VALUES FROM (MINVALUE) TO (%L)',
        audit_event_id_at((date_trunc('month', (SELECT greatest(now(), max(occurred_at)) FROM audit_events_early)
                                                 AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'));
    END $$;
    REVOKE ALL ON audit_events_early FROM strongroom_runtime;
    CREATE TABLE audit_events_other PARTITION OF audit_events DEFAULT;
    SELECT audit_prepare_partitions();

    CREATE TABLE audit_leaves (
      sequence bigint PRIMARY KEY CHECK (sequence >= 0),
      event    text COLLATE "C" NOT NULL UNIQUE,
      hash     bytea NOT NULL CHECK (length(hash) = 32)
    );
    COMMENT ON TABLE audit_leaves IS 'the order of the log: the event of each leaf, and its hash (RFC 9162, section 2.1.1)';

    CREATE TABLE audit_subtrees (
      level smallint NOT NULL CHECK (level > 0),
      index bigint NOT NULL CHECK (index >= 0),
      hash  bytea NOT NULL CHECK (length(hash) = 32),
      PRIMARY KEY (level, index)
    );
    COMMENT ON TABLE audit_subtrees IS 'the roots of complete subtrees of 256^level leaves: a tile of level L is up to 256 of them, or of the leaves';

    CREATE TABLE audit_head (
      only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      origin        text NOT NULL,
      size          bigint NOT NULL,
      root          bytea NOT NULL,
      note          text NOT NULL,
      next_position bigint NOT NULL,
      created_at    timestamptz NOT NULL
    );
    COMMENT ON COLUMN audit_head.note IS 'the latest checkpoint, a signed note';
    COMMENT ON COLUMN audit_head.next_position IS 'every committed event of a lower position has its leaf';

    CREATE TABLE audit_checkpoints (
      size       bigint PRIMARY KEY,
      note       text NOT NULL,
      created_at timestamptz NOT NULL
    );
    COMMENT ON TABLE audit_checkpoints IS 'one checkpoint of each minute in which the log grew, to be kept';

    GRANT SELECT, INSERT ON audit_leaves, audit_subtrees, audit_checkpoints TO strongroom_runtime;
    GRANT SELECT, INSERT, UPDATE ON audit_head TO strongroom_runtime;
  `)
}

export async function down(): Promise<void> {
  throw new Error('The audit log cannot be taken down: its order is what the checkpoints have signed.')
}
