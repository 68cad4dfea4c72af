import { textArray } from '../../database/binary-array.ts'
import { LOCK_SPACE, type Queryable, type Statement } from '../../database/database.ts'
import type { KeyPurpose } from '../key/key.ts'

/** The latest rotation of the keys of one purpose. */
export interface RotationRow {
  purpose: KeyPurpose
  operator: string
  requested_at: Date
  /** When its keys were made; null before its first run. */
  begun_at: Date | null
  /** Whether a server runs it, rather than a command. */
  detached: boolean
  rows_per_second: number | null
  /** Whether index keys that it empties are kept. */
  keeps_keys: boolean
  /** Host and process; null until one has begun. */
  runner: string | null
  runner_since: Date | null
  moved: number
  total: number
  /** How many values did not open when it was finished. */
  damaged: number
  finished_at: Date | null
}

/** The state of a replaced key. */
export interface KeyRetirement {
  key_id: string
  /** How many values were moved off it, in all rotations. */
  moved: number
  /** When a census found nothing on it. */
  empty_at: Date | null
  /** The audit event of that census. */
  event: string | null
}

const SELECT: Statement = {
  name: 'select-rotations',
  text: `SELECT purpose, operator, requested_at, begun_at, detached, rows_per_second, keeps_keys, runner, runner_since,
           moved::float8 AS moved, total::float8 AS total, damaged, finished_at FROM rotations ORDER BY purpose`,
}
/** An unfinished one continues: it keeps who asked for it, when it began, and how far it was. */
const BEGIN: Statement = {
  name: 'begin-rotation',
  text: `INSERT INTO rotations AS r (purpose, operator, requested_at, detached, rows_per_second, runner, runner_since, begun_at, keeps_keys)
         SELECT purpose, $2, $3, $4, $5, $6, CASE WHEN $6::text IS NOT NULL THEN $3::timestamptz END,
                $7::timestamptz, $8
         FROM unnest($1::text[]) AS p (purpose)
         ON CONFLICT (purpose) DO UPDATE SET detached = excluded.detached, rows_per_second = excluded.rows_per_second,
           keeps_keys = excluded.keeps_keys,
           runner = excluded.runner, runner_since = excluded.runner_since, damaged = 0, finished_at = NULL,
           (operator, requested_at, begun_at, moved, total) = (
             SELECT r.operator, r.requested_at, coalesce(r.begun_at, excluded.begun_at), r.moved, r.total
             WHERE r.finished_at IS NULL
             UNION ALL
             SELECT excluded.operator, excluded.requested_at, excluded.begun_at, 0, 0 WHERE r.finished_at IS NOT NULL)`,
}
const SAVE: Statement = {
  name: 'save-rotation-progress',
  text: 'UPDATE rotations SET moved = $2, total = $3 WHERE purpose = $1',
}
const FINISH: Statement = {
  name: 'finish-rotation',
  text: 'UPDATE rotations SET moved = $2, total = $3, damaged = $4, finished_at = $5 WHERE purpose = $1',
}

/** The holder of the lock rotates keys. The lock is free again when its session ends. */
export const ROTATION_LOCK = 0x7374_7203

const IS_RUNNING: Statement = {
  name: 'is-rotation-running',
  text: `SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = (${LOCK_SPACE})::oid AND objid = $1 AND objsubid = 1 AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
}

/** The rotations that run now, without those that were paused or killed. */
export async function selectRunning(db: Queryable): Promise<RotationRow[]> {
  const [locks, rows] = await Promise.all([db.query(IS_RUNNING, [ROTATION_LOCK]), selectRotations(db)])
  return locks.length === 0 ? [] : latestRun(rows)
}

/** The rotations of the last runner that have not ended. */
function latestRun(rows: readonly RotationRow[]): RotationRow[] {
  const latest = Math.max(...rows.map(({ runner_since }) => runner_since?.getTime() ?? 0))
  return rows.filter((row) => row.finished_at === null && row.runner_since?.getTime() === latest)
}

export function selectRotations(db: Queryable): Promise<RotationRow[]> {
  return db.query<RotationRow>(SELECT)
}

/** How many values each latest rotation has moved, and how many are left. */
export async function rotationFigures(db: Queryable): Promise<{ purpose: string; moved: number; remaining: number }[]> {
  const rows = await selectRotations(db)
  return rows.map(({ purpose, moved, total }) => ({ purpose, moved, remaining: Math.max(0, total - moved) }))
}

export interface NewRotation {
  purposes: readonly KeyPurpose[]
  operator: string
  now: Date
  detached: boolean
  rowsPerSecond: number | undefined
  keepsKeys: boolean
  /** Who runs it from now on, and when its keys were made; without them it waits for a server. */
  runner?: string
  begunAt?: Date
}

/** Notes that the keys of these purposes are being rotated, or will be. */
export async function beginRotation(db: Queryable, rotation: NewRotation): Promise<void> {
  const { purposes, operator, now, detached, rowsPerSecond = null, runner = null, begunAt = null, keepsKeys } = rotation
  await db.query(BEGIN, [textArray(purposes), operator, now, detached, rowsPerSecond, runner, begunAt, keepsKeys])
}

export async function saveRotationProgress(
  db: Queryable,
  purpose: KeyPurpose,
  progress: { moved: number; total: number },
): Promise<void> {
  await db.query(SAVE, [purpose, progress.moved, progress.total])
}

export async function finishRotation(
  tx: Queryable,
  purpose: KeyPurpose,
  facts: { moved: number; total: number; damaged: number; now: Date },
): Promise<void> {
  await tx.query(FINISH, [purpose, facts.moved, facts.total, facts.damaged, facts.now])
}

const SELECT_RETIREMENTS: Statement = {
  name: 'select-key-retirements',
  text: 'SELECT key_id, moved::float8 AS moved, empty_at, event FROM key_retirements WHERE key_id = ANY($1::text[])',
}
const RETIRE: Statement = {
  name: 'retire-key',
  text: `INSERT INTO key_retirements (key_id, moved, empty_at, event) VALUES ($1, 0, $2, $3)
         ON CONFLICT (key_id) DO UPDATE SET empty_at = $2, event = $3`,
}

export function selectRetirements(db: Queryable, keyIds: readonly string[]): Promise<KeyRetirement[]> {
  return db.query<KeyRetirement>(SELECT_RETIREMENTS, [textArray(keyIds)])
}

/** Notes that a census found nothing on the key. */
export async function saveRetirement(tx: Queryable, keyId: string, now: Date, event: string): Promise<void> {
  await tx.query(RETIRE, [keyId, now, event])
}
