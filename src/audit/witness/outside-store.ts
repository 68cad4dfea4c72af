import { byteaArray, textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'

/** A checkpoint that was seen outside. */
export interface OutsideCheckpoint {
  size: number
  /** 32 bytes; empty where a witness says no more than the size. */
  root: Buffer
  /** The signed note; null where a witness says no more than the size. */
  note: string | null
  /** The name of the target or of the witness. */
  source: string
}

const SELECT_UNKNOWN: Statement = {
  name: 'select-unknown-outside-checkpoints',
  text: `SELECT ordinality::integer - 1 AS at
         FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS c (size, root, ordinality)
         WHERE NOT EXISTS (SELECT FROM outside_checkpoints o WHERE o.size = c.size AND o.root = c.root)
           AND NOT EXISTS (SELECT FROM audit_checkpoints k
                           WHERE k.size = c.size AND split_part(k.note, E'\\n', 3) = encode(c.root, 'base64'))`,
}

/** Those that are neither among the checkpoints that this database has kept nor among those that were found outside before. */
export async function selectUnknown<C extends Pick<OutsideCheckpoint, 'size' | 'root'>>(
  db: Queryable,
  checkpoints: readonly C[],
): Promise<C[]> {
  if (checkpoints.length === 0) return []
  const rows = await db.query<{ at: number }>(SELECT_UNKNOWN, [
    checkpoints.map(({ size }) => size),
    byteaArray(checkpoints.map(({ root }) => root)),
  ])
  return rows.map(({ at }) => checkpoints[at]!)
}

const INSERT: Statement = {
  name: 'insert-outside-checkpoints',
  text: `INSERT INTO outside_checkpoints (size, root, note, source, seen_at)
         SELECT size, root, nullif(note, ''), source, $5
         FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[]) AS c (size, root, note, source)
         ON CONFLICT DO NOTHING`,
}

/** Keeps what this log does not contain; what is known already stays as it is. */
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

const SELECT_OPEN: Statement = {
  name: 'select-open-outside-checkpoints',
  text: `SELECT size::float8 AS size, root, note, source FROM outside_checkpoints WHERE settled_by IS NULL
         ORDER BY size DESC, root`,
}

/** Those that no operator has answered for, the largest first. */
export function selectOpen(db: Queryable): Promise<OutsideCheckpoint[]> {
  return db.query(SELECT_OPEN)
}

const FIND_LARGEST_OPEN: Statement = {
  name: 'find-largest-open-outside-checkpoint',
  text: `SELECT size::float8 AS size, source FROM outside_checkpoints WHERE settled_by IS NULL
         ORDER BY size DESC LIMIT 1`,
}

export async function findLargestOpen(db: Queryable): Promise<Pick<OutsideCheckpoint, 'size' | 'source'> | undefined> {
  return (await db.query<Pick<OutsideCheckpoint, 'size' | 'source'>>(FIND_LARGEST_OPEN))[0]
}

const SETTLE: Statement = {
  name: 'settle-outside-checkpoints',
  text: `UPDATE outside_checkpoints o SET settled_by = $3 FROM unnest($1::bigint[], $2::bytea[]) AS c (size, root)
         WHERE o.size = c.size AND o.root = c.root AND settled_by IS NULL RETURNING o.size`,
}

/** Settles checkpoints by an event. Answers with how many were open. */
export async function settleOutside(
  tx: Queryable,
  checkpoints: readonly Pick<OutsideCheckpoint, 'size' | 'root'>[],
  event: string,
): Promise<number> {
  const sizes = checkpoints.map(({ size }) => size)
  return (await tx.query(SETTLE, [sizes, byteaArray(checkpoints.map(({ root }) => root)), event])).length
}

const SELECT_KEPT: Statement = {
  name: 'select-last-kept-checkpoints',
  text: 'SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT $1',
}

/** The last checkpoints that were kept, as signed notes, the largest first. */
export async function selectLastKept(db: Queryable, count: number): Promise<string[]> {
  return (await db.query<{ note: string }>(SELECT_KEPT, [count])).map(({ note }) => note)
}
