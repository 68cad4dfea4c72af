import type { Queryable, Statement } from '../../database/database.ts'
import type { Sort } from '../../database/dictionary.ts'
import { idOfUuid } from '../../values/identifier.ts'
import { TILE_WIDTH, type Tile } from '../formats/tile.ts'
import type { EventColumns } from './event-columns.ts'
import { eventIdOf, eventUuidOf } from './event-id.ts'

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

/** The columns of an event `e` that repeat its body, and the body. */
export const COLUMNS_AND_BODY = 'e.id, e.type, e.purpose, e.caller, e.token, e.site, e.body'

/** The columns of an `EventRow`, of `audit_events e`, before `spellEvents`. */
export const EVENT_ROW = `${COLUMNS_AND_BODY}, e.mac, e.position::float8 AS position, ${LEAF_HASH} AS leaf`

/** `COLUMNS_AND_BODY` as PostgreSQL has them. They are all null where a join has found no event. */
type ColumnRow = { id: string; body: string; token: string | null; type: number } & Record<
  'purpose' | 'caller' | 'site',
  number | null
>

const isThere = (row: ColumnRow): boolean => row.id !== null

/** Rows with `COLUMNS_AND_BODY`, with ids and names in place of uuids and numbers. */
export async function spellEvents<Row>(db: Queryable, rows: readonly unknown[]): Promise<Row[]> {
  const found = rows as readonly ColumnRow[]
  const nameOf = async (sort: 'type' | 'purpose' | 'caller' | 'site') =>
    db.dictionary.names(
      sort,
      found.map((row) => row[sort]),
    )
  const [type, purpose] = [await nameOf('type'), await nameOf('purpose')]
  const [caller, site] = [await nameOf('caller'), await nameOf('site')]
  return found.map((row) => {
    if (!isThere(row)) return row as unknown as Row
    const spelt = {
      ...row,
      id: eventIdOf(row.id),
      type: type(row.type),
      purpose: purpose(row.purpose),
      caller: caller(row.caller),
      token: row.token === null ? null : tokenIn(row.token, row.body),
      site: site(row.site),
    }
    return spelt as unknown as Row
  })
}

/** Only the body has the prefix of a token. */
function tokenIn(uuid: string, body: string): string {
  return idOfUuid(/"token":"([a-z]+)_/.exec(body)?.[1] ?? 'token', uuid)
}

/** Runs a statement that answers with `COLUMNS_AND_BODY`. */
export async function queryEvents<Row extends EventColumns>(
  db: Queryable,
  statement: Statement,
  values?: readonly unknown[],
): Promise<Row[]> {
  return spellEvents(db, await db.query(statement, values))
}

/**
 * SQL of the number of a name; null when it has none. It is of the type of its column, so that an index has the order.
 *
 * @param name SQL, which may not name a column
 */
export function numberSql(sort: 'type' | 'purpose' | 'caller' | 'site', name: string): string {
  const type = sort === 'caller' ? 'integer' : 'smallint'
  return `(SELECT id::${type} FROM dictionary WHERE sort = '${sort}' AND name = ${name})`
}

/** SQL of the name that a column holds as a number. */
export function nameSql(sort: Sort, column: string): string {
  return `(SELECT name FROM dictionary WHERE sort = '${sort}' AND id = ${column})`
}

/** SQL of what the leaf of an event `e` must be: RFC 9162, section 2.1.1. */
export const BODY_HASH = `sha256('\\x00'::bytea || convert_to(e.body, 'UTF8'))`

/** A column and a member are both absent, or say the same. */
function repeats(column: string, member: string, ofColumn: string, ofMember: string): string {
  return `CASE WHEN ${column} IS NULL THEN ${member} IS NULL ELSE coalesce(${ofColumn} = ${ofMember}, false) END`
}

/** SQL of whether the columns of an event `e` repeat its body, which must be JSON. */
const REPEATS_BODY = `(SELECT coalesce(b.id LIKE 'evt\\_%' AND id_uuid(b.id) = e.id AND b.type = ${nameSql('type', 'e.type')}, false)
            AND ${repeats('e.purpose', 'b.purpose', nameSql('purpose', 'e.purpose'), 'b.purpose')}
            AND ${repeats('e.caller', "b.caller ->> 'id'", nameSql('caller', 'e.caller'), "b.caller ->> 'id'")}
            AND ${repeats('e.token', 'b.token', 'e.token', 'id_uuid(b.token)')}
            AND ${repeats('e.site', 'b.site', nameSql('site', 'e.site'), 'b.site')}
     FROM json_to_record(e.body::json) AS b (id text, type text, purpose text, caller json, token text, site text))`

/** SQL of whether an event `e` is what was hashed into the log, and its columns repeat it. @param leaf SQL of that hash */
export function isIntactSql(leaf: string): string {
  // A body that differs from its hash may not be JSON, so a CASE checks the hash first.
  return `CASE WHEN ${BODY_HASH} = ${leaf} THEN ${REPEATS_BODY} ELSE false END`
}

/**
 * SQL for whether an event `e` is the vault's: its leaf is its hash, or it waits for its leaf and is among the
 * authenticated ones; and its columns repeat it. For figures over many events. A single event is authenticated in the
 * process.
 *
 * @param waiting SQL of the hashes of the authenticated ones, `bytea[]`
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

/** Committed events after that position that wait for their leaf, in the order of insertion. */
export function selectWaitingRows(db: Queryable, after: number, limit: number): Promise<EventRow[]> {
  return queryEvents(db, SELECT_WAITING, [after, limit])
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
  return (await queryEvents<LoggedEvent>(db, SELECT_LOGGED, [eventUuidOf(id)]))[0]
}

const SELECT_ENTRIES: Statement = {
  name: 'select-log-entries',
  text: `SELECT ${EVENT_ROW} FROM audit_leaves p JOIN audit_events e ON e.id = p.event
         WHERE p.sequence >= $1 AND p.sequence < $2 ORDER BY p.sequence`,
}

/** The events of a tile of leaves; fewer than its width when some of them were dropped. */
export function selectEntries(db: Queryable, { index, width }: Tile): Promise<EventRow[]> {
  return queryEvents(db, SELECT_ENTRIES, [index * TILE_WIDTH, index * TILE_WIDTH + width])
}

/** An event as the database has it, before it is believed. */
export interface StoredEvent {
  id: string
  body: string
  mac: Buffer | null
  /** The number of its leaf, from 0; null where it has none. */
  sequence: number | null
}

/** Runs a statement that answers with stored events. */
export async function queryStored<Row extends { id: string }>(
  db: Queryable,
  statement: Statement,
  values?: readonly unknown[],
): Promise<Row[]> {
  return (await db.query<Row>(statement, values)).map((row) => ({ ...row, id: eventIdOf(row.id) }))
}
