import type { Queryable, Statement } from '../database/database.ts'
import type { EventColumns } from './event-columns.ts'
import { TILE_WIDTH, type Tile } from './tile.ts'

/** A row of `audit_events`, before anything of it is believed. */
export interface EventRow extends EventColumns {
  body: string
  mac: Buffer | null
  /** The order of insertion. */
  position: number
  /** The hash of its leaf below the latest checkpoint; null for what has none. */
  leaf: Buffer | null
}

/** SQL of the hash of the leaf that the head covers of an event `e`. */
export const LEAF_HASH = `(SELECT l.hash FROM audit_leaves l WHERE l.event = e.id AND l.sequence < (SELECT size FROM audit_head) LIMIT 1)`

/** The columns of an `EventRow`, of `audit_events e`. */
export const EVENT_ROW = `e.id, e.occurred_at AS "occurredAt", e.type, e.caller, e.token, e.site, e.body, e.mac,
  e.position::float8 AS position, ${LEAF_HASH} AS leaf`

/** SQL of what the leaf of an event `e` must be: RFC 9162, section 2.1.1. */
const BODY_HASH = `sha256('\\x00'::bytea || convert_to(e.body, 'UTF8'))`

/** SQL of whether the columns of an event `e` repeat its body, which must be JSON. */
const REPEATS_BODY = `(SELECT coalesce(b.id = e.id AND b.at::timestamptz = e.occurred_at AND b.type = e.type, false)
            AND b.caller ->> 'id' IS NOT DISTINCT FROM e.caller AND b.token IS NOT DISTINCT FROM e.token
            AND b.site IS NOT DISTINCT FROM e.site
     FROM json_to_record(e.body::json) AS b (id text, at text, type text, caller json, token text, site text))`

/** SQL of whether an event `e` is what was hashed into the log, and its columns repeat it. @param leaf SQL of that hash */
export function isIntactSql(leaf: string): string {
  // What is not what was hashed need not be JSON: a CASE looks at the one before the other.
  return `CASE WHEN ${BODY_HASH} = ${leaf} THEN ${REPEATS_BODY} ELSE false END`
}

/**
 * SQL of whether an event `e` is the vault's: its leaf is the hash of it, or it waits for its leaf and is among those that were
 * authenticated; and its columns repeat it. For figures over many events. A single event is authenticated in the process.
 *
 * @param waiting SQL of the hashes of those, `bytea[]`
 */
export function isAuthenticSql(waiting: string): string {
  return `CASE WHEN ${BODY_HASH} = ${LEAF_HASH} OR ${BODY_HASH} = ANY (${waiting}::bytea[]) THEN ${REPEATS_BODY} ELSE false END`
}

/** SQL of whether an event `e` has no leaf below the latest checkpoint. */
export const IS_WAITING = `${LEAF_HASH} IS NULL`

const SELECT_WAITING: Statement = {
  name: 'select-waiting-event-rows',
  text: `SELECT ${EVENT_ROW} FROM audit_events e
         WHERE position > $1 AND position >= coalesce((SELECT next_position FROM audit_head), 0) AND ${IS_WAITING}
         ORDER BY position LIMIT $2`,
}

/** Committed events that wait for their leaf, behind that position, in the order of insertion. */
export function selectWaitingRows(db: Queryable, after: number, limit: number): Promise<EventRow[]> {
  return db.query(SELECT_WAITING, [after, limit])
}

/** An event with its place in the log. */
export interface LoggedEvent extends EventRow {
  /** Null while it waits for its place. */
  sequence: number | null
}

const SELECT_LOGGED: Statement = {
  name: 'select-logged-event',
  text: `SELECT ${EVENT_ROW}, (SELECT sequence::float8 FROM audit_leaves WHERE event = e.id) AS sequence
         FROM audit_events e WHERE id = $1`,
}

export async function findLoggedEvent(db: Queryable, id: string): Promise<LoggedEvent | undefined> {
  return (await db.query<LoggedEvent>(SELECT_LOGGED, [id]))[0]
}

const SELECT_ENTRIES: Statement = {
  name: 'select-log-entries',
  text: `SELECT ${EVENT_ROW} FROM audit_leaves p JOIN audit_events e ON e.id = p.event
         WHERE p.sequence >= $1 AND p.sequence < $2 ORDER BY p.sequence`,
}

/** The events of a tile of leaves; fewer than its width when some of them were dropped. */
export function selectEntries(db: Queryable, { index, width }: Tile): Promise<EventRow[]> {
  return db.query(SELECT_ENTRIES, [index * TILE_WIDTH, index * TILE_WIDTH + width])
}

/** An event as the database has it, before it is believed. */
export interface StoredEvent {
  id: string
  body: string
  mac: Buffer | null
  /** The number of its leaf, from 0; null where it has none. */
  sequence: number | null
}
