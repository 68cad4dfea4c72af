import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { eventIdOf } from '../event/event-id.ts'
import { isIntactSql } from '../event/event-row-store.ts'
import { isSought } from '../event/sought-type.ts'
import { IS_UNPROVEN, unprovenSql } from '../event/unproven-events.ts'
import type { AnnouncedKey } from '../log/log-store.ts'

/** Hundreds of millions of events are counted before they are dropped. */
const TIMEOUT_MS = 60 * 60 * 1_000

/** A month of events that can be dropped whole, or the partition for everything that has none. */
export interface OldPartition {
  /** As SQL writes it. */
  name: string
  /** The beginning of the next month; null for the partition that holds rows of any time. */
  end: Date | null
}

const PREPARE_PARTITIONS: Statement = {
  name: 'prepare-audit-partitions',
  text: 'SELECT audit_prepare_partitions()',
}

/**
 * Makes the partitions of this month and the next three, by the database's clock. It leaves out those that cannot be
 * made.
 */
export async function preparePartitions(db: Queryable): Promise<void> {
  await db.query(PREPARE_PARTITIONS)
}

export interface PartitionState {
  /** How many months after the current one have partitions, up to 3; -1 if the current one has none. */
  monthsAhead: number
  /** How many events lie in the default partition because their month had none, counted up to 10,000. */
  astray: number
  /** The id of the first of them. */
  firstAstray: string | null
}

const PARTITION_STATE: Statement = {
  name: 'audit-partition-state',
  text: `SELECT months_ahead AS "monthsAhead", astray::float8 AS astray, first_astray AS "firstAstray"
         FROM audit_partition_state($1)`,
}

/** @param at a time of the current month, by the clock that ids are made with */
export async function readPartitionState(db: Queryable, at: Date): Promise<PartitionState> {
  const [state] = await db.query<PartitionState>(PARTITION_STATE, [at])
  const { firstAstray } = state!
  return { ...state!, firstAstray: firstAstray && eventIdOf(firstAstray) }
}

const OWNS_LOG: Statement = {
  name: 'owns-audit-events',
  text: `SELECT pg_has_role(relowner, 'USAGE') AS owns FROM pg_class WHERE oid = 'audit_events'::regclass`,
}

/** Whether the role that asks may drop partitions. */
export async function ownsLog(db: Queryable): Promise<boolean> {
  return (await db.query<{ owns: boolean }>(OWNS_LOG))[0]?.owns === true
}

const SELECT_OLD: Statement = {
  name: 'select-old-audit-partitions',
  text: `SELECT quote_ident(relname) AS name, audit_event_time(upper) AS "end"
         FROM (SELECT relname, bound, substring(bound FROM 'TO \\(''([^'']*)''\\)$')::uuid AS upper
               FROM (SELECT relname, pg_get_expr(relpartbound, pg_class.oid) AS bound
                     FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                     WHERE inhparent = 'audit_events'::regclass) p) q
         WHERE bound = 'DEFAULT' OR upper <= audit_event_id_at($1) ORDER BY upper`,
}

/** The partitions all of whose events are older, from the oldest on, and at last the one for everything else. */
export function selectOldPartitions(db: Queryable, before: Date): Promise<OldPartition[]> {
  return db.query(SELECT_OLD, [before])
}

const LIMIT_WAITING: Statement = { name: 'limit-waiting', text: "SET LOCAL lock_timeout = '1s'" }

/** Keeps all writers out of the partitions until the transaction ends. No writer waits longer than a second. */
export async function freezePartitions(tx: Queryable, partitions: readonly OldPartition[]): Promise<void> {
  const names = partitions.map(({ name }) => name).join(', ')
  await tx.query(LIMIT_WAITING)
  await tx.query({ name: `freeze ${names}`, text: `LOCK TABLE ${names} IN SHARE ROW EXCLUSIVE MODE` })
}

const FIND_FIRST_YOUNGER: Statement = {
  name: 'find-first-younger-leaf',
  timeoutMs: TIMEOUT_MS,
  text: `SELECT coalesce((SELECT sequence FROM audit_leaves WHERE sequence >= $1 AND event >= audit_event_id_at($2)
                          ORDER BY sequence LIMIT 1),
                         (SELECT size FROM audit_head), 0)::float8 AS sequence`,
}

/** The first leaf from that one on whose event is not older; the size of the log if there is none. */
export async function findFirstYounger(db: Queryable, from: number, until: Date): Promise<number> {
  return (await db.query<{ sequence: number }>(FIND_FIRST_YOUNGER, [from, until]))[0]!.sequence
}

const SELECT_ANNOUNCEMENTS: Statement = {
  name: 'select-dropped-key-announcements',
  timeoutMs: TIMEOUT_MS,
  text: `SELECT DISTINCT body::json ->> 'subject' AS id, body::json ->> 'public_key' AS "publicKey"
         FROM audit_events e JOIN audit_leaves l ON l.event = e.id AND l.sequence >= $1 AND l.sequence < $2
         WHERE ${isSought('audit.key', 'key.create')} AND body::json ->> 'public_key' IS NOT NULL`,
}

/** The keys of the log that the events of these leaves announce. */
export function selectAnnouncements(db: Queryable, from: number, to: number): Promise<AnnouncedKey[]> {
  return db.query(SELECT_ANNOUNCEMENTS, [from, to])
}

/** What is known of the events that are older than a time. */
export interface OldEvents {
  events: number
  /**
   * How many of them have their place in the log, below its latest checkpoint, or are named by it: those that commands
   * without keys wrote.
   */
  placed: number
  /** How many of them still match their leaf, or their name, and their columns. */
  intact: number
  /**
   * How many of them are dropped: they are in the log between the first leaf that was kept and the first younger event.
   */
  leading: number
  /** How many follow it. */
  trailing: number
}

/** Looks at everything in these partitions that is older. */
export async function inspectOldEvents(
  db: Queryable,
  partitions: readonly OldPartition[],
  until: Date,
  { from, to }: { from: number; to: number },
): Promise<OldEvents> {
  const names = partitions.map(({ name }) => name)
  const rows = names.map((name) => `SELECT * FROM ${name} WHERE id < audit_event_id_at($1)`).join(' UNION ALL ')
  const [found] = await db.query<OldEvents>(
    {
      // The text depends on the first of them and their number.
      name: `inspect ${names.length} from ${names[0]}`,
      timeoutMs: TIMEOUT_MS,
      text: `WITH ${unprovenSql()}
             SELECT count(*)::float8 AS events,
               count(*) FILTER (WHERE l.sequence IS NOT NULL OR ${IS_UNPROVEN})::float8 AS placed,
               count(*) FILTER (WHERE CASE WHEN l.sequence IS NULL THEN ${IS_UNPROVEN} ELSE ${isIntactSql('l.hash')} END)::float8 AS intact,
               count(*) FILTER (WHERE l.sequence >= $2 AND l.sequence < $3)::float8 AS leading,
               count(*) FILTER (WHERE l.sequence >= $3)::float8 AS trailing
             FROM (${rows}) e LEFT JOIN audit_leaves l
               ON l.event = e.id AND l.sequence < (SELECT size FROM audit_head)`,
    },
    [until, from, to],
  )
  return found!
}

const SELECT_MISSING: Statement = {
  name: 'select-missing-audit-events',
  timeoutMs: TIMEOUT_MS,
  text: `SELECT min(sequence)::float8 AS "from", max(sequence)::float8 AS "to"
         FROM (SELECT sequence, sequence - row_number() OVER (ORDER BY sequence) AS island
               FROM audit_leaves l WHERE sequence >= $1 AND sequence < $2
                 AND NOT EXISTS (SELECT FROM audit_events e WHERE e.id = l.event)) s
         GROUP BY island ORDER BY min(sequence)`,
}

/** The leaves from the first up to, and without, the second whose events are not there. */
export function selectMissing(db: Queryable, from: number, to: number): Promise<{ from: number; to: number }[]> {
  return db.query(SELECT_MISSING, [from, to])
}

const IS_LEADING = 'EXISTS (SELECT FROM audit_leaves l WHERE l.event = e.id AND l.sequence < $1)'

/** The old events of a month that follow a younger one in the log. What the log only names goes with its month. */
export async function selectStragglers(db: Queryable, month: OldPartition, firstYounger: number): Promise<string[]> {
  const text = `WITH ${unprovenSql()} SELECT id FROM ${month.name} e WHERE NOT ${IS_LEADING} AND NOT ${IS_UNPROVEN}`
  const rows = await db.query<{ id: string }>({ name: `stragglers of ${month.name}`, timeoutMs: TIMEOUT_MS, text }, [
    firstYounger,
  ])
  return rows.map(({ id }) => eventIdOf(id))
}

/** Deletes from the default partition what is older, and comes before that leaf in the log or is only named by it. */
export async function deleteOldEvents(
  tx: Queryable,
  rest: OldPartition,
  until: Date,
  firstYounger: number,
): Promise<void> {
  const text = `WITH ${unprovenSql()}
                DELETE FROM ${rest.name} e WHERE id < audit_event_id_at($2) AND (${IS_LEADING} OR ${IS_UNPROVEN})`
  await tx.query({ name: `delete from ${rest.name}`, timeoutMs: TIMEOUT_MS, text }, [firstYounger, until])
}

/** Drops the table of a month, except for those events: they move to the partition for everything else. */
export async function dropMonth(tx: Queryable, { name }: OldPartition, kept: readonly string[]): Promise<void> {
  await tx.query({ name: `detach ${name}`, text: `ALTER TABLE audit_events DETACH PARTITION ${name}` })
  if (kept.length > 0) {
    const text = `INSERT INTO audit_events SELECT * FROM ${name} WHERE id = ANY ($1::uuid[])`
    await tx.query({ name: `keep of ${name}`, text }, [idArray(kept)])
  }
  await tx.query({ name: `drop ${name}`, text: `DROP TABLE ${name}` })
}

const TAKE_IN_ASTRAY: Statement = {
  name: 'make-audit-partition',
  timeoutMs: TIMEOUT_MS,
  text: "SELECT audit_make_partition($1::timestamptz AT TIME ZONE 'UTC', true)",
}

/**
 * Makes the partition of the month that begins then, and moves its events there from the default partition. It waits a
 * second at most for readers and writers of events, who wait for it until the transaction ends.
 */
export async function takeInAstray(tx: Queryable, month: Date): Promise<void> {
  await tx.query(LIMIT_WAITING)
  await tx.query(TAKE_IN_ASTRAY, [month])
}
