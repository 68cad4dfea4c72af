import type { Knex } from 'knex'
import { currentSchema } from '../../src/database/migration/current-schema.ts'

/** The types that the vault looks for by itself have the first numbers, for which there is an index. */
const SOUGHT = [
  'audit.drop',
  'audit.key',
  'key.create',
  'key.retire',
  'audit.missing',
  'audit.resume',
  'client.revoke',
  'partner.end',
  'staff.disable',
  'staff.enable',
]

/** Names in the old table that the dictionary lacks. */
const NAMES = {
  type: 'type',
  purpose: `substring(body FROM '"purpose":"([^"\\\\]{1,100})"')`,
  site: 'site',
  caller: 'caller',
}

/** Every four seconds another number: the first 36 of the 48 bits of time in an id. Within one of them there are few events. */
const MOMENT = `least(('x' || substr(id::text, 1, 8) || substr(id::text, 10, 1))::bit(36)::bigint, 2147483647)::integer`

/**
 * Events in as few bytes as they need. Ids and tokens are uuids, and what repeats is a number of the dictionary. The time of an
 * event is in its id. The purpose is a column too, so that there can be an index over it.
 *
 * An index over a number and a moment has few different entries, which PostgreSQL stores once each. It leads through the
 * events of a caller, a type or a purpose in the order of time, as one with the id would, and takes a fraction of its bytes.
 *
 * In vaults of an early version the id of an event can be a little younger than the time that its body says. The column of the
 * time is gone; the body and its leaf are as they were.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  await requireIds(knex)
  await knex.raw(
    `
    INSERT INTO dictionary (sort, id, name)
      SELECT 'type', number, name FROM unnest(?::text[]) WITH ORDINALITY AS s (name, number)`,
    [SOUGHT],
  )
  for (const [sort, name] of Object.entries(NAMES)) await addNames(knex, sort, name)
  const partitions = await partitionsOf(knex)
  await knex.raw(`
    DROP FUNCTION audit_partition_state, audit_prepare_partitions, audit_make_partition, audit_has_partition,
      audit_partition_bounds, audit_event_id_at;
    ALTER TABLE audit_events RENAME TO audit_events_of_text;
    ALTER TABLE audit_events_of_text DROP CONSTRAINT audit_events_pkey;
    DROP INDEX audit_events_approval, audit_events_caller, audit_events_drop, audit_events_key, audit_events_key_retire,
      audit_events_position, audit_events_public_key, audit_events_stop, audit_events_taken_away, audit_events_token,
      audit_events_tokens;
    CREATE TABLE audit_events (
      position bigint NOT NULL DEFAULT nextval('audit_positions'),
      id       uuid NOT NULL,
      token    uuid,
      caller   integer,
      type     smallint NOT NULL,
      purpose  smallint,
      site     smallint,
      mac      bytea CONSTRAINT audit_events_mac_check CHECK (length(mac) = 48),
      body     text NOT NULL
    ) PARTITION BY RANGE (id);
    GRANT SELECT, INSERT ON audit_events TO strongroom_runtime`)
  for (const { name, bounds } of partitions) {
    await knex.raw(`ALTER TABLE ?? RENAME TO ??`, [name, `${name}_of_text`])
    await knex.raw(`CREATE TABLE ?? PARTITION OF audit_events ${bounds}`, [name])
  }
  await knex.raw(`
    INSERT INTO audit_events (position, id, token, caller, type, purpose, site, mac, body)
      SELECT position, id_uuid(e.id), id_uuid(token), c.id, t.id, p.id, s.id, mac, body
      FROM audit_events_of_text e
        LEFT JOIN dictionary c ON c.sort = 'caller' AND c.name = e.caller
        LEFT JOIN dictionary t ON t.sort = 'type' AND t.name = e.type
        LEFT JOIN dictionary p ON p.sort = 'purpose' AND p.name = ${NAMES.purpose}
        LEFT JOIN dictionary s ON s.sort = 'site' AND s.name = e.site;
    DROP TABLE audit_events_of_text;
    ALTER TABLE audit_events ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);
    CREATE INDEX audit_events_position ON audit_events (position);
    CREATE INDEX audit_events_token ON audit_events (token) WHERE token IS NOT NULL;
    CREATE INDEX audit_events_caller ON audit_events (caller, (${MOMENT})) WHERE caller IS NOT NULL;
    CREATE INDEX audit_events_type ON audit_events (type, (${MOMENT}));
    CREATE INDEX audit_events_purpose ON audit_events (purpose, (${MOMENT})) WHERE purpose IS NOT NULL;
    CREATE INDEX audit_events_sought ON audit_events (type, id) WHERE type <= ${SOUGHT.length};
    -- By the body, which has a MAC and a leaf; the other columns of an event have neither.
    CREATE INDEX audit_events_approval ON audit_events (substring(body, '"approval":"([^"]*)"'))
      WHERE strpos(body, '"approval":"') > 0;
    CREATE INDEX audit_events_key ON audit_events (id) WHERE strpos(body, '"type":"key.') > 0;
    CREATE INDEX audit_events_tokens ON audit_events
      USING gin ((string_to_array(substring(body, '"tokens":\\["([^]]*)"\\]'), '","')))
      WHERE strpos(body, '"tokens":["') > 0;
    COMMENT ON INDEX audit_events_tokens IS 'the records that a search or a list showed';
    COMMENT ON INDEX audit_events_sought IS 'the types that the vault looks for by itself';
    COMMENT ON COLUMN audit_events.body IS 'the event in its canonical form, RFC 8785; the other columns repeat parts of it';
    COMMENT ON COLUMN audit_events.position IS 'the order of insertion, not of the log: numbers of what was rolled back are missing';
    COMMENT ON COLUMN audit_events.id IS 'evt_ and these 16 bytes in base32; the first six are the time, in milliseconds';
    COMMENT ON COLUMN audit_events.mac IS 'over the body, made by the process that made the event; never shown. Null for events of earlier versions and of commands without keys';
    ALTER TABLE audit_leaves ALTER COLUMN event TYPE uuid USING id_uuid(event)`)
  await knex.raw(partitionFunctions(schema))
  await knex.raw('ANALYZE audit_events, audit_leaves')
}

/** @throws {Error} one sentence, which names a row */
async function requireIds(knex: Knex): Promise<void> {
  const { rows } = await knex.raw(`
    SELECT 'audit_events' AS place, 'id' AS part, id AS value, position AS number FROM audit_events
      WHERE id NOT LIKE 'evt\\_%' OR id_uuid(id) IS NULL
    UNION ALL
    SELECT 'audit_events', 'token', token, position FROM audit_events WHERE token IS NOT NULL AND id_uuid(token) IS NULL
    UNION ALL
    SELECT 'audit_leaves', 'event', event, sequence FROM audit_leaves WHERE event NOT LIKE 'evt\\_%' OR id_uuid(event) IS NULL
    LIMIT 1`)
  const [row] = rows
  if (row === undefined) return
  const { place, part, value, number } = row
  const column = place === 'audit_events' ? 'position' : 'sequence'
  throw new Error(
    `the row of ${place} with the ${column} ${number} was not written by a vault, since its ${part} ${JSON.stringify(value)} is no id: look who has written it, remove it, then run "strongroom migrate" again.`,
  )
}

async function addNames(knex: Knex, sort: string, name: string): Promise<void> {
  await knex.raw(
    `
    INSERT INTO dictionary (sort, id, name)
      SELECT :sort, (SELECT coalesce(max(id), 0) FROM dictionary WHERE sort = :sort) + row_number() OVER (ORDER BY name), name
      FROM (SELECT DISTINCT ${name} COLLATE "C" AS name FROM audit_events) AS n
      WHERE name IS NOT NULL AND NOT EXISTS (SELECT FROM dictionary d WHERE d.sort = :sort AND d.name = n.name)`,
    { sort },
  )
}

/** The partitions there are, with the bounds that they have as uuids. */
async function partitionsOf(knex: Knex): Promise<{ name: string; bounds: string }[]> {
  const { rows } = await knex.raw(`
    SELECT relname AS name, CASE WHEN bound = 'DEFAULT' THEN 'DEFAULT' ELSE format('FOR VALUES FROM (%s) TO (%L)',
             coalesce(quote_literal(id_uuid(substring(bound FROM 'FROM \\(''([^'']*)''\\)') || repeat('0', 16))), 'MINVALUE'),
             id_uuid(substring(bound FROM 'TO \\(''([^'']*)''\\)$') || repeat('0', 16))) END AS bounds
    FROM (SELECT relname, pg_get_expr(relpartbound, c.oid) AS bound FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
          WHERE inhparent = 'audit_events'::regclass) AS p ORDER BY relname`)
  return rows
}

/** As they were, for ids that are uuids. */
const partitionFunctions = (schema: string) => {
  const pinned = `SET search_path = pg_catalog, ${schema}, pg_temp`
  return `
    CREATE FUNCTION audit_event_id_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
      SELECT rpad(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
    $$;
    COMMENT ON FUNCTION audit_event_id_at IS 'what sorts before every event of that time and after all that are older';

    CREATE FUNCTION audit_event_time(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
      SELECT to_timestamp(('x' || substr(id::text, 1, 8) || substr(id::text, 10, 4))::bit(48)::bigint / 1000.0::float8)
    $$;
    COMMENT ON FUNCTION audit_event_time IS 'when an event was made, as its id says';

    CREATE FUNCTION audit_partition_bounds(OUT lower uuid, OUT upper uuid) RETURNS SETOF record LANGUAGE sql STABLE ${pinned} AS $$
      SELECT substring(bound FROM 'FROM \\(''([^'']*)''\\)')::uuid, substring(bound FROM 'TO \\(''([^'']*)''\\)$')::uuid
      FROM (SELECT pg_get_expr(relpartbound, c.oid) AS bound FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
            WHERE inhparent = '${schema}.audit_events'::regclass) p
      WHERE bound <> 'DEFAULT'
    $$;
    COMMENT ON FUNCTION audit_partition_bounds IS 'the first id of each partition, null in the one for all that are older, and the first id after it';
    REVOKE ALL ON FUNCTION audit_partition_bounds FROM PUBLIC;

    CREATE FUNCTION audit_has_partition(month timestamp) RETURNS boolean LANGUAGE sql STABLE ${pinned} AS $$
      SELECT EXISTS (SELECT FROM ${schema}.audit_partition_bounds()
        WHERE (lower IS NULL OR lower <= ${schema}.audit_event_id_at($1 AT TIME ZONE 'UTC'))
          AND upper >= ${schema}.audit_event_id_at(($1 + interval '1 month') AT TIME ZONE 'UTC'))
    $$;
    COMMENT ON FUNCTION audit_has_partition IS 'whether the events of a whole month have another partition than the default one';
    REVOKE ALL ON FUNCTION audit_has_partition FROM PUBLIC;

    CREATE FUNCTION audit_partition_state(at timestamptz, OUT months_ahead integer, OUT astray bigint, OUT first_astray uuid)
      LANGUAGE sql STABLE SECURITY DEFINER ${pinned} AS $$
      SELECT
        (SELECT coalesce(min(n), 4) - 1 FROM generate_series(0, 3) AS n
         WHERE NOT ${schema}.audit_has_partition(date_trunc('month', $1 AT TIME ZONE 'UTC') + make_interval(months => n))),
        count(*), (array_agg(id ORDER BY id))[1]
      -- What lies below the first partition was kept by a drop, and is where it belongs.
      FROM (SELECT id FROM ${schema}.audit_events_other
            WHERE id >= coalesce((SELECT lower FROM ${schema}.audit_partition_bounds() ORDER BY lower NULLS FIRST LIMIT 1),
                                 '00000000-0000-0000-0000-000000000000')
            ORDER BY id LIMIT 10000) AS e
    $$;
    COMMENT ON FUNCTION audit_partition_state IS 'how many months behind the one of that time have partitions, -1 when not even that has one; how many events lie in the default partition for want of one, counted up to 10,000';
    REVOKE ALL ON FUNCTION audit_partition_state FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION audit_partition_state TO strongroom_runtime;

    CREATE FUNCTION audit_make_partition(month timestamp, takes_astray boolean) RETURNS void LANGUAGE plpgsql ${pinned} AS $$
    DECLARE
      partition text := 'audit_events_' || to_char(month, 'YYYY_MM');
      first uuid := ${schema}.audit_event_id_at(month AT TIME ZONE 'UTC');
      next uuid := ${schema}.audit_event_id_at((month + interval '1 month') AT TIME ZONE 'UTC');
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

    CREATE FUNCTION audit_prepare_partitions() RETURNS void LANGUAGE plpgsql
      SECURITY DEFINER ${pinned} SET lock_timeout = '200ms' AS $$
    BEGIN
      FOR ahead IN 0..3 LOOP
        BEGIN
          PERFORM ${schema}.audit_make_partition(
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
    GRANT EXECUTE ON FUNCTION audit_prepare_partitions TO strongroom_runtime`
}
