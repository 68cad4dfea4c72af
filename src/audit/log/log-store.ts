import { byteaArray, textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import type { SealedSeen } from '../completeness/seen-numbers.ts'
import { eventIdOf } from '../event/event-id.ts'
import { EVENT_ROW, type EventRow, type LoggedEvent, queryEvents } from '../event/event-row-store.ts'
import { isSought } from '../event/sought-type.ts'
import type { PositionRange } from '../formats/frontier.ts'
import { hashesAt, TILE_WIDTH, type Tile } from '../formats/tile.ts'
import type { Subtree, TreeEdge } from '../formats/tree-edge.ts'

/** The latest checkpoint of the log, and what it was made of. */
export interface LogHead {
  origin: string
  size: number
  root: Buffer
  /** The checkpoint as a signed note. */
  note: string
  /** Every committed event of a lower position has its leaf. */
  nextPosition: number
  createdAt: Date
}

const SELECT_HEAD: Statement = {
  name: 'select-audit-head',
  text: `SELECT origin, size::float8 AS size, root, note, next_position::float8 AS "nextPosition", created_at AS "createdAt"
         FROM audit_head`,
}

/** Undefined until a server has kept the log for the first time. */
export async function selectHead(db: Queryable): Promise<LogHead | undefined> {
  return (await db.query<LogHead>(SELECT_HEAD))[0]
}

const INSERT_HEAD: Statement = {
  name: 'insert-audit-head',
  text: `INSERT INTO audit_head (origin, size, root, note, next_position, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT DO NOTHING`,
}

export async function insertHead(db: Queryable, head: LogHead): Promise<void> {
  const { origin, size, root, note, nextPosition, createdAt } = head
  await db.query(INSERT_HEAD, [origin, size, root, note, nextPosition, createdAt])
}

/** A committed event on its way into the log. */
export interface PlacedEvent {
  /** The order of insertion. */
  position: number
  event: string
  /** The hash of its leaf. */
  hash: Buffer
  /** What the event says, and what shows that the vault made it; null when it has its leaf. */
  body: string | null
  mac: Buffer | null
  isSequenced: boolean
}

/**
 * PostgreSQL hashes the leaves where the events lie. RFC 9162, section 2.1.1. Whether an event
 * has its leaf is looked up one by one: of an EXISTS the planner makes a hash of all the leaves there are, in every round.
 */
const SELECT_PLACED: Statement = {
  name: 'select-placed-audit-events',
  text: `WITH found AS (
           (SELECT position, id, body, mac FROM audit_events WHERE position >= $1 ORDER BY position LIMIT $4)
           UNION ALL
           SELECT e.position, e.id, e.body, e.mac FROM unnest($2::bigint[], $3::bigint[]) AS r ("from", "to")
             JOIN audit_events e ON e.position >= r."from" AND e.position < r."to")
         SELECT position::float8 AS position, id AS event, sha256('\\x00'::bytea || convert_to(body, 'UTF8')) AS hash,
                "isSequenced", CASE WHEN NOT "isSequenced" THEN body END AS body, CASE WHEN NOT "isSequenced" THEN mac END AS mac
         FROM (SELECT *, (SELECT true FROM audit_leaves WHERE event = id) IS NOT NULL AS "isSequenced" FROM found) AS f
         ORDER BY position`,
}

/** Up to `limit` committed events from that position on, and all in those ranges, in the order of their positions. */
export async function selectPlacedEvents(
  db: Queryable,
  from: number,
  ranges: readonly PositionRange[],
  limit: number,
): Promise<PlacedEvent[]> {
  const values = [from, ranges.map((range) => range.from), ranges.map((range) => range.to), limit]
  const rows = await db.query<PlacedEvent>(SELECT_PLACED, values)
  return rows.map((row) => ({ ...row, event: eventIdOf(row.event) }))
}

const SELECT_RUNNING: Statement = {
  name: 'select-running-transactions',
  text: `SELECT DISTINCT virtualtransaction AS id FROM pg_locks
         WHERE locktype = 'relation' AND relation = 'audit_events'::regclass AND mode = 'RowExclusiveLock'
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()`,
}

/**
 * The transactions that are running and write events: their lock is older than the positions that they take.
 * Transactions that only read, such as a long backup, hold nothing up. One that is gone from this list has committed,
 * and every statement that begins later sees what it wrote, or it never will be seen.
 */
export async function selectRunningTransactions(db: Queryable): Promise<Set<string>> {
  return new Set((await db.query<{ id: string }>(SELECT_RUNNING)).map(({ id }) => id))
}

/** What one round of the sequencer adds. */
export interface LogGrowth {
  from: Pick<LogHead, 'size' | 'root' | 'note' | 'createdAt'>
  /** In the order of the log. */
  leaves: readonly Pick<PlacedEvent, 'event' | 'hash'>[]
  subtrees: readonly Subtree[]
  head: LogHead
  /** Whether the checkpoint is one to be kept. */
  isKept: boolean
  /** Whether the one before it is. */
  isFromKept: boolean
  /** Which numbers of processes were seen, where that has changed. */
  processes: readonly SealedSeen[]
}

/** Only on top of the head that the sequencer has seen; with another head nothing is written. */
const GROW_LOG: Statement = {
  name: 'grow-audit-log',
  text: `WITH
    head AS (
      UPDATE audit_head SET size = $3, root = $4, note = $5, next_position = $6, created_at = $7
      WHERE size = $1 AND root = $2 RETURNING size),
    leaves AS (
      INSERT INTO audit_leaves (sequence, event, hash)
      SELECT $1 + ordinality - 1, event, hash FROM unnest($8::uuid[], $9::bytea[]) WITH ORDINALITY AS n (event, hash, ordinality)
      WHERE EXISTS (SELECT FROM head)),
    subtrees AS (
      INSERT INTO audit_subtrees (level, index, hash)
      SELECT level, index, hash FROM unnest($10::smallint[], $11::bigint[], $12::bytea[]) AS n (level, index, hash)
      WHERE EXISTS (SELECT FROM head)),
    kept AS (
      INSERT INTO audit_checkpoints (size, note, created_at)
      SELECT size, note, created_at FROM (VALUES
        ($3::bigint, $5, $7::timestamptz, $13::boolean), ($1, $14, $15, $16)) AS c (size, note, created_at, is_kept)
      WHERE is_kept AND EXISTS (SELECT FROM head) ON CONFLICT DO NOTHING),
    processes AS (
      INSERT INTO audit_processes (process, seen, mac)
      SELECT process, seen, mac FROM unnest($17::text[], $18::text[], $19::bytea[]) AS n (process, seen, mac)
      WHERE EXISTS (SELECT FROM head)
      ON CONFLICT (process) DO UPDATE SET seen = excluded.seen, mac = excluded.mac)
    SELECT size FROM head`,
}

/** Adds leaves and the checkpoint over them, in one commit. Answers with whether the head was still the one it grows from. */
export async function growLog(db: Queryable, growth: LogGrowth): Promise<boolean> {
  const { from, leaves, subtrees, head, isKept, isFromKept, processes } = growth
  const rows = await db.query(GROW_LOG, [
    from.size,
    from.root,
    head.size,
    head.root,
    head.note,
    head.nextPosition,
    head.createdAt,
    idArray(leaves.map(({ event }) => event)),
    byteaArray(leaves.map(({ hash }) => hash)),
    subtrees.map(({ level }) => level),
    subtrees.map(({ index }) => index),
    byteaArray(subtrees.map(({ hash }) => hash)),
    isKept,
    from.note,
    from.createdAt,
    isFromKept,
    textArray(processes.map(({ process }) => process)),
    textArray(processes.map(({ seen }) => seen)),
    byteaArray(processes.map(({ mac }) => mac)),
  ])
  return rows.length > 0
}

const SELECT_LEAF_HASHES: Statement = {
  name: 'select-leaf-hashes',
  text: 'SELECT hash FROM audit_leaves WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence',
}
const SELECT_SUBTREE_HASHES: Statement = {
  name: 'select-subtree-hashes',
  text: 'SELECT hash FROM audit_subtrees WHERE level = $3 AND index >= $1 AND index < $2 ORDER BY index',
}

/** The hashes of a tile; fewer than its width if some of them are not stored any longer. */
export async function selectTile(db: Queryable, { level, index, width }: Tile): Promise<Buffer[]> {
  const range = [index * TILE_WIDTH, index * TILE_WIDTH + width]
  const rows =
    level === 0
      ? await db.query<{ hash: Buffer }>(SELECT_LEAF_HASHES, range)
      : await db.query<{ hash: Buffer }>(SELECT_SUBTREE_HASHES, [...range, level])
  return rows.map(({ hash }) => hash)
}

/** The right edge of the tree of that size. */
export async function selectEdge(db: Queryable, size: number): Promise<TreeEdge> {
  const levels: Buffer[][] = []
  for (let level = 0; hashesAt(level, size) > 0; level++) {
    const count = hashesAt(level, size)
    const width = count % TILE_WIDTH
    const index = Math.floor(count / TILE_WIDTH)
    levels.push(width === 0 ? [] : await selectTile(db, { level, index, width }))
  }
  return { size, levels }
}

const SELECT_LAST_KEPT: Statement = {
  name: 'select-last-kept-checkpoint',
  text: 'SELECT created_at AS at FROM audit_checkpoints ORDER BY size DESC LIMIT 1',
}

/** When the last checkpoint was made that is kept. */
export async function findLastKept(db: Queryable): Promise<Date | undefined> {
  return (await db.query<{ at: Date }>(SELECT_LAST_KEPT))[0]?.at
}

/** A key that signs the log, or has signed it: what `audit.key` says. */
export interface AnnouncedKey {
  id: string
  /** The raw 32 bytes of the Ed25519 public key, base64. */
  publicKey: string
}

const FIND_ANNOUNCEMENTS: Statement = {
  name: 'find-audit-key-announcements',
  text: `SELECT ${EVENT_ROW} FROM audit_events e WHERE ${isSought('audit.key', 'key.create')}
           AND strpos(body, '"subject":"' || $1 || '"') > 0 AND strpos(body, '"public_key":"' || $2 || '"') > 0
         ORDER BY id DESC LIMIT 100`,
}

/** The latest rows that say that this is the public key of the key that signs the log. */
export function findAnnouncements(db: Queryable, { id, publicKey }: AnnouncedKey): Promise<EventRow[]> {
  return queryEvents(db, FIND_ANNOUNCEMENTS, [id, publicKey])
}

const SELECT_OLDEST_WAITING: Statement = {
  name: 'select-oldest-unsequenced-event',
  // One row that was inserted in front of the others must not hide how long they have waited.
  text: `SELECT audit_event_time((array_agg(id ORDER BY id))[1]) AS at FROM (
           SELECT id FROM audit_events e
           WHERE position >= coalesce((SELECT next_position FROM audit_head), 0)
             AND (SELECT true FROM audit_leaves l WHERE l.event = e.id) IS NULL ORDER BY position LIMIT 1000) AS waiting`,
}

/** The time of the oldest committed event that has no leaf yet. */
export async function findOldestWaiting(db: Queryable): Promise<Date | undefined> {
  return (await db.query<{ at: Date | null }>(SELECT_OLDEST_WAITING))[0]?.at ?? undefined
}

const SELECT_DROPS: Statement = {
  name: 'select-audit-drops',
  text: `SELECT ${EVENT_ROW}, (SELECT sequence::float8 FROM audit_leaves l WHERE l.event = e.id) AS sequence
         FROM audit_events e WHERE ${isSought('audit.drop')} ORDER BY id`,
}

/** The rows that say that events were dropped, before they are believed. */
export function selectDrops(db: Queryable): Promise<LoggedEvent[]> {
  return queryEvents(db, SELECT_DROPS)
}
