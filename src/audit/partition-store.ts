import type { Queryable, Statement } from '../database/database.ts'

/** Hundreds of millions of events are counted before they go. */
const TIMEOUT_MS = 60 * 60 * 1_000

/** Old events that can be dropped together: a partition of its own, or what lies in the one for everything else. */
export interface OldPartition {
  /** As SQL writes it. */
  name: string
  /** Rows of other times are in it too. */
  isShared: boolean
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
  text: `SELECT quote_ident(relname) AS name, bound = 'DEFAULT' AS "isShared"
         FROM (SELECT relname, pg_get_expr(relpartbound, pg_class.oid) AS bound
               FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'audit_events'::regclass) p
         WHERE bound = 'DEFAULT'
            OR substring(bound FROM 'TO \\(''([^'']*)''\\)$') COLLATE "C" <= audit_event_id_at($1)
         ORDER BY substring(bound FROM 'TO \\(''([^'']*)''\\)$') COLLATE "C"`,
}

/** The partitions all of whose events are older, from the oldest on, and at last the one for everything else. */
export function selectOldPartitions(db: Queryable, before: Date): Promise<OldPartition[]> {
  return db.query(SELECT_OLD, [before])
}

const LIMIT_WAITING: Statement = { name: 'limit-waiting', text: "SET LOCAL lock_timeout = '1s'" }

/** Keeps everybody from writing into the partition until the transaction ends. Nobody is made to wait longer than a second. */
export async function freezePartition(tx: Queryable, { name }: OldPartition): Promise<void> {
  await tx.query(LIMIT_WAITING)
  await tx.query({ name: `freeze ${name}`, text: `LOCK TABLE ${name} IN SHARE ROW EXCLUSIVE MODE` })
}

/** What is known of the events that are to go. */
export interface OldEvents {
  events: number
  /** How many of them have their place in the log, below its latest checkpoint. */
  placed: number
  /** How many of those are still what their leaf says. */
  intact: number
}

const older = ({ isShared }: OldPartition) =>
  isShared ? 'e.id < audit_event_id_at($1)' : '$1::timestamptz IS NOT NULL'

/** Looks at all that is older in the partition. */
export async function inspectOldEvents(db: Queryable, partition: OldPartition, before: Date): Promise<OldEvents> {
  const [found] = await db.query<OldEvents>(
    {
      name: `inspect ${partition.name}`,
      timeoutMs: TIMEOUT_MS,
      text: `SELECT count(*)::float8 AS events, count(l.sequence)::float8 AS placed,
               count(*) FILTER (WHERE l.hash = sha256('\\x00'::bytea || convert_to(e.body, 'UTF8')))::float8 AS intact
             FROM ${partition.name} e LEFT JOIN audit_leaves l
               ON l.event = e.id AND l.sequence < (SELECT size FROM audit_head)
             WHERE ${older(partition)}`,
    },
    [before],
  )
  return found!
}

/** Their places in the log, as `first-last`. */
export async function selectRanges(db: Queryable, partition: OldPartition, before: Date): Promise<string[]> {
  const rows = await db.query<{ range: string }>(
    {
      name: `ranges of ${partition.name}`,
      timeoutMs: TIMEOUT_MS,
      text: `SELECT min(sequence) || '-' || max(sequence) AS range
             FROM (SELECT l.sequence, l.sequence - row_number() OVER (ORDER BY l.sequence) AS island
                   FROM ${partition.name} e JOIN audit_leaves l ON l.event = e.id WHERE ${older(partition)}) s
             GROUP BY island ORDER BY min(sequence)`,
    },
    [before],
  )
  return rows.map(({ range }) => range)
}

/** Drops the partition, or deletes what is older of one that is shared. Its leaves stay. */
export async function dropOldEvents(tx: Queryable, partition: OldPartition, before: Date): Promise<void> {
  const { name, isShared } = partition
  if (isShared) {
    const text = `DELETE FROM ${name} e WHERE ${older(partition)}`
    await tx.query({ name: `delete from ${name}`, timeoutMs: TIMEOUT_MS, text }, [before])
  } else {
    await tx.query({ name: `drop ${name}`, text: `DROP TABLE ${name}` })
  }
}
