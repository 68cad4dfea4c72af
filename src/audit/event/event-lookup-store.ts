import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { uuidOf } from '../../values/identifier.ts'
import { eventIdOf, eventUuidAt } from './event-id.ts'
import { EVENT_ROW, type EventRow, numberSql, queryEvents, queryStored } from './event-row-store.ts'
import { isSought } from './sought-type.ts'

const SELECT_RETIREMENTS: Statement = {
  name: 'select-retirement-events',
  text: `SELECT ${EVENT_ROW} FROM audit_events e
         WHERE ${isSought('key.retire')} AND strpos(body, '"subject":"' || $1 || '"') > 0 ORDER BY id DESC LIMIT 100`,
}

/** The latest rows that say that a census has found nothing on a key, the latest first. */
export function selectRetirements(db: Queryable, keyId: string): Promise<EventRow[]> {
  return queryEvents(db, SELECT_RETIREMENTS, [keyId])
}

const SELECT_EVENTS_OF_RECORDS: Statement = {
  name: 'select-events-of-records',
  text: `SELECT token, id FROM audit_events WHERE token = ANY ($1::uuid[]) AND type = ${numberSql('type', '$2')} ORDER BY id`,
}

/** The latest event of that type of each record, where there is one, by its token. An erasure is repeated after a restore. */
export async function findRecordEvents(
  db: Queryable,
  type: 'record.tokenize' | 'record.erase',
  tokens: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await db.query<{ token: string; id: string }>(SELECT_EVENTS_OF_RECORDS, [idArray(tokens), type])
  const tokenOf = new Map(tokens.map((token) => [uuidOf(token), token]))
  return new Map(rows.map(({ token, id }) => [tokenOf.get(token)!, eventIdOf(id)]))
}

const SELECT_WITHDRAWALS: Statement = {
  name: 'select-latest-withdrawals',
  text: `SELECT token, max((body::json ->> 'record_version')::integer) AS version FROM audit_events
         WHERE token = ANY ($1::uuid[]) AND type = ${numberSql('type', "'consent.withdraw'")} GROUP BY token`,
}

/** The version that the latest withdrawal of a consent has made of each of these records, by token; none for most. */
export async function findWithdrawals(db: Queryable, tokens: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query<{ token: string; version: number }>(SELECT_WITHDRAWALS, [idArray(tokens)])
  const tokenOf = new Map(tokens.map((token) => [uuidOf(token), token]))
  return new Map(rows.map(({ token, version }) => [tokenOf.get(token)!, version]))
}

const COUNT_FAILED_COMMANDS: Statement = {
  name: 'count-failed-commands',
  text: `SELECT count(*)::float8 AS in_all, count(*) FILTER (WHERE body::json ->> 'source' = $2)::float8 AS of_source
         FROM audit_events WHERE id >= $1 AND type = ${numberSql('type', "'request.refuse'")}
           AND caller = ANY (ARRAY(SELECT id FROM dictionary WHERE sort = 'caller' AND name LIKE 'operator:%'))`,
}

/** How many events of failed commands there are since then, from one source and in all. */
export async function countFailedCommands(
  db: Queryable,
  since: Date,
  source: string,
): Promise<{ in_all: number; of_source: number }> {
  const [counted] = await db.query<{ in_all: number; of_source: number }>(COUNT_FAILED_COMMANDS, [
    eventUuidAt(since),
    source,
  ])
  return counted!
}

/** A reveal or a release to a partner that was committed earlier: its event, and the version of the record that left. */
export interface EarlierReveal {
  id: string
  version: number
}

const SELECT_REVEALS: Statement = {
  name: 'select-reveals',
  text: `SELECT id, (body::json ->> 'record_version')::integer AS version
         FROM audit_events WHERE id = ANY ($1::uuid[])
           AND type IN (${numberSql('type', "'record.reveal'")}, ${numberSql('type', "'record.release'")})`,
}

/** Those of the planned events that are in the log, by their ids. */
export async function findReveals(
  db: Queryable,
  ids: readonly (string | null)[],
): Promise<ReadonlyMap<string, EarlierReveal>> {
  if (ids.length === 0) return new Map()
  const rows = await queryStored<EarlierReveal>(db, SELECT_REVEALS, [idArray(ids)])
  return new Map(rows.map((row) => [row.id, row]))
}

/**
 * The body of an event has a MAC and a leaf, its other columns have neither. In the canonical form the quotation marks inside a
 * text are escaped, so what is found is the member itself. There is an index over the same expression.
 */
const SELECT_RELEASES_UNDER: Statement = {
  name: 'select-releases-under-approval',
  text: `SELECT id FROM audit_events
         WHERE strpos(body, '"approval":"') > 0 AND substring(body, '"approval":"([^"]*)"') = $1`,
}

/** The events that name an approval, wherever they are in the log: those of its release. */
export async function findReleasesUnder(db: Queryable, approval: string): Promise<string[]> {
  return (await queryStored(db, SELECT_RELEASES_UNDER, [approval])).map(({ id }) => id)
}

/** By the bodies that the log was signed over. There is an index over the same condition. */
const SELECT_KEY_EVENTS: Statement = {
  name: 'select-key-events-of-log',
  text: `SELECT body::json ->> 'type' AS type, body::json ->> 'subject' AS key FROM audit_events e
         WHERE strpos(body, '"type":"key.') > 0 AND position > $1
           AND (SELECT hash FROM audit_leaves WHERE event = e.id) = sha256('\\x00'::bytea || convert_to(body, 'UTF8'))
         ORDER BY id`,
}

/** The key events after that position that are in the log as they were hashed: their type and key. */
export function findKeyEvents(db: Queryable, after: number): Promise<{ type: string; key: string }[]> {
  return db.query(SELECT_KEY_EVENTS, [after])
}

const SELECT_LAST_POSITION: Statement = {
  name: 'select-last-event-position',
  text: 'SELECT coalesce(max(position), -1)::float8 AS position FROM audit_events',
}

export async function findLastPosition(db: Queryable): Promise<number> {
  return (await db.query<{ position: number }>(SELECT_LAST_POSITION))[0]!.position
}
