-- The audit log as a Merkle tree (RFC 9162, section 2.1), and its events in a partition for each month, so that old
-- ones can be dropped whole.
--
-- An event takes its position when it is inserted. The sequencer walks along the positions and gives every committed
-- event its place in the tree, in audit_leaves; a server may add to both and change neither.

CREATE SEQUENCE audit_positions;
GRANT USAGE ON SEQUENCE audit_positions TO strongroom_runtime;

CREATE TABLE audit_events (
  position bigint NOT NULL DEFAULT nextval('audit_positions'),
  id       uuid PRIMARY KEY,
  token    uuid,
  caller   integer,
  type     smallint NOT NULL,
  purpose  smallint,
  site     smallint,
  mac      bytea CHECK (length(mac) = 48),
  body     text NOT NULL
) PARTITION BY RANGE (id);
COMMENT ON COLUMN audit_events.position IS 'the order of insertion, not of the log: numbers of what was rolled back are missing';
COMMENT ON COLUMN audit_events.id IS 'evt_ and these 16 bytes in base32; the first six are the time, in milliseconds';
COMMENT ON COLUMN audit_events.mac IS 'over the body, made by the process that made the event; never shown. Null for events of earlier versions and of commands without keys';
COMMENT ON COLUMN audit_events.body IS 'the event in its canonical form, RFC 8785; the other columns repeat parts of it';
GRANT SELECT, INSERT ON audit_events TO strongroom_runtime;

CREATE INDEX audit_events_position ON audit_events (position);
CREATE INDEX audit_events_token ON audit_events (token) WHERE token IS NOT NULL;
-- An index over a number and a moment has few different entries, which PostgreSQL stores once each. It leads through
-- the events of a caller, a type or a purpose in the order of time, as one with the id would, and takes a fraction of
-- its bytes. The moment is the first 36 of the 48 bits of time in an id: every four seconds another number.
CREATE INDEX audit_events_caller ON audit_events (caller,
  (least(('x' || substr(id::text, 1, 8) || substr(id::text, 10, 1))::bit(36)::bigint, 2147483647)::integer)) WHERE caller IS NOT NULL;
CREATE INDEX audit_events_type ON audit_events (type,
  (least(('x' || substr(id::text, 1, 8) || substr(id::text, 10, 1))::bit(36)::bigint, 2147483647)::integer));
CREATE INDEX audit_events_purpose ON audit_events (purpose,
  (least(('x' || substr(id::text, 1, 8) || substr(id::text, 10, 1))::bit(36)::bigint, 2147483647)::integer)) WHERE purpose IS NOT NULL;
CREATE INDEX audit_events_sought ON audit_events (type, id) WHERE type <= 10;
COMMENT ON INDEX audit_events_sought IS 'the types that the vault looks for by itself';
-- By the body, which has a MAC and a leaf; the other columns of an event have neither. Its text is read, not parsed:
-- inside a string of JSON the quotation marks would be escaped, so what is found is the member itself.
CREATE INDEX audit_events_approval ON audit_events (substring(body, '"approval":"([^"]*)"'))
  WHERE strpos(body, '"approval":"') > 0;
CREATE INDEX audit_events_key ON audit_events (id) WHERE strpos(body, '"type":"key.') > 0;
CREATE INDEX audit_events_tokens ON audit_events
  USING gin ((string_to_array(substring(body, '"tokens":\["([^]]*)"\]'), '","')))
  WHERE strpos(body, '"tokens":["') > 0;
COMMENT ON INDEX audit_events_tokens IS 'the records that a search or a list showed';

CREATE FUNCTION audit_event_id_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
      SELECT rpad(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
    $$;
COMMENT ON FUNCTION audit_event_id_at IS 'what sorts before every event of that time and after all that are older';

CREATE FUNCTION audit_event_time(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
      SELECT to_timestamp(('x' || substr(id::text, 1, 8) || substr(id::text, 10, 4))::bit(48)::bigint / 1000.0::float8)
    $$;
COMMENT ON FUNCTION audit_event_time IS 'when an event was made, as its id says';

CREATE FUNCTION audit_partition_bounds(OUT lower uuid, OUT upper uuid) RETURNS SETOF record LANGUAGE sql STABLE
  SET search_path = pg_catalog, {schema}, pg_temp AS $$
      SELECT substring(bound FROM 'FROM \(''([^'']*)''\)')::uuid, substring(bound FROM 'TO \(''([^'']*)''\)$')::uuid
      FROM (SELECT pg_get_expr(relpartbound, c.oid) AS bound FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
            WHERE inhparent = '{schema}.audit_events'::regclass) p
      WHERE bound <> 'DEFAULT'
    $$;
COMMENT ON FUNCTION audit_partition_bounds IS 'the first id of each partition, null in the one for all that are older, and the first id after it';
REVOKE ALL ON FUNCTION audit_partition_bounds FROM PUBLIC;

CREATE FUNCTION audit_has_partition(month timestamp) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, {schema}, pg_temp AS $$
      SELECT EXISTS (SELECT FROM {schema}.audit_partition_bounds()
        WHERE (lower IS NULL OR lower <= {schema}.audit_event_id_at($1 AT TIME ZONE 'UTC'))
          AND upper >= {schema}.audit_event_id_at(($1 + interval '1 month') AT TIME ZONE 'UTC'))
    $$;
COMMENT ON FUNCTION audit_has_partition IS 'whether the events of a whole month have another partition than the default one';
REVOKE ALL ON FUNCTION audit_has_partition FROM PUBLIC;

-- The events up to the end of this month have one partition, those without a partition of their month the default
-- one.
DO $$ BEGIN
  EXECUTE format('CREATE TABLE audit_events_early PARTITION OF audit_events FOR VALUES FROM (MINVALUE) TO (%L)',
    audit_event_id_at((date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'));
END $$;
CREATE TABLE audit_events_other PARTITION OF audit_events DEFAULT;

CREATE FUNCTION audit_partition_state(at timestamptz, OUT months_ahead integer, OUT astray bigint, OUT first_astray uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $$
      SELECT
        (SELECT coalesce(min(n), 4) - 1 FROM generate_series(0, 3) AS n
         WHERE NOT {schema}.audit_has_partition(date_trunc('month', $1 AT TIME ZONE 'UTC') + make_interval(months => n))),
        count(*), (array_agg(id ORDER BY id))[1]
      -- What lies below the first partition was kept by a drop, and is where it belongs.
      FROM (SELECT id FROM {schema}.audit_events_other
            WHERE id >= coalesce((SELECT lower FROM {schema}.audit_partition_bounds() ORDER BY lower NULLS FIRST LIMIT 1),
                                 '00000000-0000-0000-0000-000000000000')
            ORDER BY id LIMIT 10000) AS e
    $$;
COMMENT ON FUNCTION audit_partition_state IS 'how many months behind the one of that time have partitions, -1 when not even that has one; how many events lie in the default partition for want of one, counted up to 10,000';
REVOKE ALL ON FUNCTION audit_partition_state FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_partition_state TO strongroom_runtime;

-- Partitions are made beside the log and attached. CREATE TABLE … PARTITION OF locks the whole log against everyone
-- who reads or writes it; to attach keeps no writer of events waiting.
CREATE FUNCTION audit_make_partition(month timestamp, takes_astray boolean) RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, {schema}, pg_temp AS $$
    DECLARE
      partition text := 'audit_events_' || to_char(month, 'YYYY_MM');
      first uuid := {schema}.audit_event_id_at(month AT TIME ZONE 'UTC');
      next uuid := {schema}.audit_event_id_at((month + interval '1 month') AT TIME ZONE 'UTC');
    BEGIN
      IF {schema}.audit_has_partition(month) THEN RETURN; END IF;
      IF takes_astray THEN
        -- A statement that has looked for its partitions before the events move, and reads after it, would not see them.
        LOCK TABLE ONLY {schema}.audit_events IN ACCESS EXCLUSIVE MODE;
      ELSE
        -- What attaching takes anyway, taken first: two servers take turns, and never wait for each other in a circle.
        LOCK TABLE ONLY {schema}.audit_events IN SHARE UPDATE EXCLUSIVE MODE;
      END IF;
      IF {schema}.audit_has_partition(month) THEN RETURN; END IF;
      IF NOT takes_astray AND EXISTS (SELECT FROM {schema}.audit_events_other WHERE id >= first AND id < next) THEN RETURN; END IF;
      -- For its check PostgreSQL does not read a table that it attaches. It reads the default partition, which holds next to
      -- nothing: a check there would refuse events of the month for as long as it is not attached.
      EXECUTE format('CREATE TABLE {schema}.%I (LIKE {schema}.audit_events INCLUDING ALL,
        CONSTRAINT bounds CHECK (id IS NOT NULL AND id >= %L AND id < %L))', partition, first, next);
      IF takes_astray THEN
        EXECUTE format('WITH moved AS (DELETE FROM {schema}.audit_events_other WHERE id >= $1 AND id < $2 RETURNING *)
          INSERT INTO {schema}.%I SELECT * FROM moved', partition) USING first, next;
      END IF;
      EXECUTE format('ALTER TABLE {schema}.audit_events ATTACH PARTITION {schema}.%I FOR VALUES FROM (%L) TO (%L)',
        partition, first, next);
      EXECUTE format('ALTER TABLE {schema}.%I DROP CONSTRAINT bounds', partition);
    END $$;
COMMENT ON FUNCTION audit_make_partition IS 'makes the partition of a month; with the events of that month that lie in the default partition, or not at all while there are such';
REVOKE ALL ON FUNCTION audit_make_partition FROM PUBLIC;

-- A server has no DDL: this function prepares the months to come, and does nothing else.
CREATE FUNCTION audit_prepare_partitions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, {schema}, pg_temp SET lock_timeout = '200ms' AS $$
    BEGIN
      FOR ahead IN 0..3 LOOP
        BEGIN
          PERFORM {schema}.audit_make_partition(
            date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead), false);
        EXCEPTION
          -- A reader takes longer than others should wait, a table has the name, or the month lies in an older partition
          -- in part. That the month is missing, audit_partition_state says.
          WHEN check_violation OR invalid_object_definition OR duplicate_table OR lock_not_available THEN NULL;
        END;
      END LOOP;
    END $$;
COMMENT ON FUNCTION audit_prepare_partitions IS 'makes the partitions of this month and the next three';
REVOKE ALL ON FUNCTION audit_prepare_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_prepare_partitions TO strongroom_runtime;
SELECT audit_prepare_partitions();

CREATE TABLE audit_leaves (
  sequence bigint PRIMARY KEY CHECK (sequence >= 0),
  event    uuid NOT NULL UNIQUE,
  hash     bytea NOT NULL CHECK (length(hash) = 32)
);
COMMENT ON TABLE audit_leaves IS 'the order of the log: the event of each leaf, and its hash (RFC 9162, section 2.1.1)';
GRANT SELECT, INSERT ON audit_leaves TO strongroom_runtime;

CREATE TABLE audit_subtrees (
  level smallint NOT NULL CHECK (level > 0),
  index bigint NOT NULL CHECK (index >= 0),
  hash  bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (level, index)
);
COMMENT ON TABLE audit_subtrees IS 'the roots of complete subtrees of 256^level leaves: a tile of level L is up to 256 of them, or of the leaves';
GRANT SELECT, INSERT ON audit_subtrees TO strongroom_runtime;

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
GRANT SELECT, INSERT, UPDATE ON audit_head TO strongroom_runtime;

CREATE TABLE audit_checkpoints (
  size       bigint PRIMARY KEY,
  note       text NOT NULL,
  created_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_checkpoints IS 'one checkpoint of each minute in which the log grew, to be kept';
GRANT SELECT, INSERT ON audit_checkpoints TO strongroom_runtime;

-- Each process numbers its own events, so that a missing one is noticed.

CREATE TABLE audit_processes (
  process text COLLATE "C" PRIMARY KEY,
  seen    text NOT NULL,
  mac     bytea CHECK (length(mac) = 48)
);
COMMENT ON TABLE audit_processes IS 'which numbers of each process the sequencer has seen';
COMMENT ON COLUMN audit_processes.seen IS 'numbers and ranges, such as 1-17 19';
COMMENT ON COLUMN audit_processes.mac IS 'over process and seen; where it does not fit, the log is read again';
GRANT SELECT, INSERT, UPDATE ON audit_processes TO strongroom_runtime;

-- What each process claims of the numbers of its events, so that its last ones are missed as well.
CREATE TABLE audit_claims (
  change  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  process text COLLATE "C" NOT NULL,
  claim   text NOT NULL,
  mac     bytea NOT NULL CHECK (length(mac) = 48)
);
CREATE INDEX audit_claims_process ON audit_claims (process);
COMMENT ON TABLE audit_claims IS 'how far each process has numbered its events, as it says itself';
COMMENT ON COLUMN audit_claims.change IS 'the order of the latest changes';
COMMENT ON COLUMN audit_claims.claim IS 'JSON: settled, skipped, lost, and closed when the process has ended in order';
COMMENT ON COLUMN audit_claims.mac IS 'over the claim, made by the process';
GRANT SELECT, INSERT, UPDATE (change, claim, mac) ON audit_claims TO strongroom_runtime;

CREATE TABLE audit_missing (
  process    text COLLATE "C" NOT NULL,
  first      bigint NOT NULL,
  last       bigint NOT NULL,
  found_at   timestamptz NOT NULL,
  resumed_by text COLLATE "C",
  PRIMARY KEY (process, first)
);
COMMENT ON TABLE audit_missing IS 'numbers of events that are gone: nothing is released until an operator has looked';
COMMENT ON COLUMN audit_missing.resumed_by IS 'the event of that';
GRANT SELECT, INSERT, UPDATE (resumed_by) ON audit_missing TO strongroom_runtime;

-- Where checkpoints are shipped to, and what witnesses have signed under them (C2SP tlog-cosignature).

CREATE TABLE audit_shipments (
  target  text PRIMARY KEY,
  size    bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
  next_at timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON COLUMN audit_shipments.size IS 'of the last checkpoint that arrived there';
COMMENT ON COLUMN audit_shipments.next_at IS 'when the next is due; who puts it off is the server that ships';
GRANT SELECT, INSERT, UPDATE ON audit_shipments TO strongroom_runtime;

CREATE TABLE audit_cosignatures (
  checkpoint  text NOT NULL,
  witness     text NOT NULL,
  signature   text NOT NULL,
  cosigned_at timestamptz NOT NULL,
  PRIMARY KEY (checkpoint, witness)
);
COMMENT ON COLUMN audit_cosignatures.checkpoint IS 'the text that was signed: origin, size and root';
COMMENT ON COLUMN audit_cosignatures.signature IS 'the line that belongs under the note';
GRANT SELECT, INSERT ON audit_cosignatures TO strongroom_runtime;

-- Checkpoints that were seen outside and that the log in this database does not contain: the database was restored
-- from a backup, or a failover has lost its end. As long as one of them is not settled, nothing is read.
CREATE TABLE outside_checkpoints (
  size       bigint NOT NULL CHECK (size > 0),
  root       bytea NOT NULL,
  note       text,
  source     text NOT NULL,
  seen_at    timestamptz NOT NULL,
  settled_by text,
  PRIMARY KEY (size, root)
);
CREATE INDEX outside_checkpoints_open ON outside_checkpoints (size) WHERE settled_by IS NULL;
COMMENT ON TABLE outside_checkpoints IS 'checkpoints that were seen outside and that this log does not contain';
COMMENT ON COLUMN outside_checkpoints.root IS 'empty where a witness says no more than the size';
COMMENT ON COLUMN outside_checkpoints.note IS 'the signed note; null where a witness says no more than the size';
COMMENT ON COLUMN outside_checkpoints.source IS 'the name of the target or of the witness';
COMMENT ON COLUMN outside_checkpoints.settled_by IS 'the restore.apply or restore.waive event; null while nothing is read';
GRANT SELECT, INSERT, UPDATE (settled_by) ON outside_checkpoints TO strongroom_runtime;
