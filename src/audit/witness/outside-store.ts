import { byteaArray, textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { eventUuidOf } from '../event/event-id.ts'
import { queryStored, type StoredEvent } from '../event/event-row-store.ts'

/** A checkpoint that was seen outside, or a line of the ledger of erasures. */
export interface OutsideCheckpoint {
  /** 0 for a line of the ledger. */
  size: number
  /** 32 bytes; empty for a witness that says only the size. Of a line of the ledger its SHA-256. */
  root: Buffer
  /** The signed note, or the line; null if there is none, as for the statement of a witness. */
  note: string | null
  /** The name of the target or of the witness; `memory` for what a server remembers. */
  source: string
}

const SELECT_UNLISTED: Statement = {
  name: 'select-unlisted-outside-checkpoints',
  text: `SELECT ordinality::integer - 1 AS at,
                EXISTS (SELECT FROM audit_checkpoints k
                        WHERE k.size = c.size AND split_part(k.note, E'\\n', 3) = encode(c.root, 'base64')) AS "isKept"
         FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS c (size, root, ordinality)
         WHERE NOT EXISTS (SELECT FROM outside_checkpoints o WHERE o.size = c.size AND o.root = c.root)
         ORDER BY ordinality`,
}

/** Those that were not found outside before, and whether each is among the checkpoints in this database. */
export async function selectUnlisted<C extends Pick<OutsideCheckpoint, 'size' | 'root'>>(
  db: Queryable,
  checkpoints: readonly C[],
): Promise<{ checkpoint: C; isKept: boolean }[]> {
  if (checkpoints.length === 0) return []
  const rows = await db.query<{ at: number; isKept: boolean }>(SELECT_UNLISTED, [
    checkpoints.map(({ size }) => size),
    byteaArray(checkpoints.map(({ root }) => root)),
  ])
  return rows.map(({ at, isKept }) => ({ checkpoint: checkpoints[at]!, isKept }))
}

const SELECT_ANSWERED: Statement = {
  name: 'select-answered-outside-roots',
  text: 'SELECT root FROM outside_checkpoints WHERE settled_by IS NOT NULL AND size = $1 AND root = ANY ($2::bytea[])',
}

/** Which of these roots a row says that an operator has answered for; whether it is true is not proved here. */
export async function selectAnsweredRoots(db: Queryable, size: number, roots: readonly Buffer[]): Promise<Buffer[]> {
  const rows = await db.query<{ root: Buffer }>(SELECT_ANSWERED, [size, byteaArray(roots)])
  return rows.map(({ root }) => root)
}

const INSERT: Statement = {
  name: 'insert-outside-checkpoints',
  text: `INSERT INTO outside_checkpoints (size, root, note, source, seen_at)
         SELECT size, root, nullif(note, ''), source, $5
         FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[]) AS c (size, root, note, source)
         ON CONFLICT DO NOTHING`,
}

/** Keeps checkpoints that this log does not contain. Those that are known already stay as they are. */
export async function insertOutside(db: Queryable, found: readonly OutsideCheckpoint[], now: Date): Promise<void> {
  if (found.length === 0) return
  await db.query(INSERT, [
    found.map(({ size }) => size),
    byteaArray(found.map(({ root }) => root)),
    textArray(found.map(({ note }) => note ?? '')),
    textArray(found.map(({ source }) => source)),
    now,
  ])
}

/** All checkpoints that name one event as what settles them. */
export interface OutsideGroup {
  event: string
  /** SHA-256 in hexadecimal over their lines `size root`, in ascending order, the root in base64: what the event must say. */
  digest: string
}

const SELECT_GROUPS: Statement = {
  name: 'select-outside-groups',
  text: `SELECT settled_by AS event,
                encode(sha256(convert_to(string_agg(size || ' ' || encode(root, 'base64') || E'\\n', '' ORDER BY size, root), 'UTF8')), 'hex') AS digest
         FROM outside_checkpoints WHERE settled_by IS NOT NULL GROUP BY settled_by`,
}

export function selectGroups(db: Queryable): Promise<OutsideGroup[]> {
  return db.query(SELECT_GROUPS)
}

const FIND_EVENT: Statement = {
  name: 'find-settling-event',
  text: `SELECT id, body, mac, (SELECT sequence::float8 FROM audit_leaves WHERE event = e.id) AS sequence
         FROM audit_events e WHERE id = $1`,
}

export async function findSettlingEvent(db: Queryable, id: string): Promise<StoredEvent | undefined> {
  return (await queryStored<StoredEvent>(db, FIND_EVENT, [eventUuidOf(id)]))[0]
}

const SELECT_OPEN: Statement = {
  name: 'select-open-outside-checkpoints',
  text: `SELECT size::float8 AS size, root, note, source FROM outside_checkpoints
         WHERE settled_by IS NULL OR settled_by <> ALL ($1::text[]) ORDER BY size DESC, root LIMIT $2`,
}

/** Those that none of these events settles, largest first. */
export function selectUnsettled(
  db: Queryable,
  events: readonly string[],
  limit: number | null = null,
): Promise<OutsideCheckpoint[]> {
  return db.query(SELECT_OPEN, [textArray(events), limit])
}

const SELECT_OF_EVENT: Statement = {
  name: 'select-outside-checkpoints-of-event',
  text: 'SELECT size::float8 AS size, root, note, source FROM outside_checkpoints WHERE settled_by = $1',
}

export function selectSettledBy(db: Queryable, event: string): Promise<OutsideCheckpoint[]> {
  return db.query(SELECT_OF_EVENT, [event])
}

const SETTLE: Statement = {
  name: 'settle-outside-checkpoints',
  text: `UPDATE outside_checkpoints o SET settled_by = $3 FROM unnest($1::bigint[], $2::bytea[]) AS c (size, root)
         WHERE o.size = c.size AND o.root = c.root`,
}

/** Lets an event settle checkpoints, also those that another event had settled. */
export async function markSettled(
  tx: Queryable,
  checkpoints: readonly Pick<OutsideCheckpoint, 'size' | 'root'>[],
  event: string,
): Promise<void> {
  const sizes = checkpoints.map(({ size }) => size)
  await tx.query(SETTLE, [sizes, byteaArray(checkpoints.map(({ root }) => root)), event])
}

const SELECT_KEPT: Statement = {
  name: 'select-last-kept-checkpoints',
  text: 'SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT $1',
}

/** The last checkpoints that were kept, as signed notes, the largest first. */
export async function selectLastKept(db: Queryable, count: number): Promise<string[]> {
  return (await db.query<{ note: string }>(SELECT_KEPT, [count])).map(({ note }) => note)
}
