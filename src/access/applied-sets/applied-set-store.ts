import { PATIENT_LOCK_TIMEOUT_MS, type Queryable, type Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'
import { type AppliedSet, appliedSets, type StoredSet } from './applied-set.ts'

/** The statements of every set, by its noun. Nothing in them comes from outside. */
const STATEMENTS = new Map(appliedSets.map((set) => [set.noun, statementsOf(set)]))

function statementsOf({ noun, column }: AppliedSet): Record<'newest' | 'revision' | 'insert' | 'updateMac', Statement> {
  const table = `${noun}_sets`
  return {
    newest: {
      name: `select-newest-${noun}-set`,
      text: `SELECT revision, ${column} AS text, mac FROM ${table} ORDER BY revision DESC LIMIT 1`,
    },
    revision: {
      name: `select-revision-of-${noun}s`,
      text: `SELECT coalesce(max(revision), 0) AS revision FROM ${table}`,
    },
    insert: {
      name: `insert-${noun}-set`,
      text: `INSERT INTO ${table} (revision, ${column}, mac, created_at) VALUES ($1, $2, $3, $4)
             RETURNING ${column} = $2 AND mac = $3 AS done`,
    },
    updateMac: {
      name: `update-${noun}-set-mac`,
      text: `UPDATE ${table} SET mac = $2 WHERE revision = $1`,
    },
  }
}

const LOCK: Statement = {
  name: 'lock-applied-set',
  text: 'SELECT pg_advisory_xact_lock($1)',
  lockTimeoutMs: PATIENT_LOCK_TIMEOUT_MS,
}

/** Undefined as long as no set was applied. */
export async function selectNewestSet(db: Queryable, { noun }: AppliedSet): Promise<StoredSet | undefined> {
  return (await db.query<StoredSet>(STATEMENTS.get(noun)!.newest))[0]
}

/** 0 as long as no set was applied. */
export async function selectRevision(db: Queryable, { noun }: AppliedSet): Promise<number> {
  return (await db.query<{ revision: number }>(STATEMENTS.get(noun)!.revision))[0]?.revision ?? 0
}

/** Waits for the lock of a set, which the transaction holds until its end. */
export async function lockSet(tx: Queryable, { lock }: AppliedSet): Promise<void> {
  await tx.query(LOCK, [lock])
}

export async function insertSet(
  tx: Queryable,
  { noun }: AppliedSet,
  { revision, text, mac }: StoredSet,
  now: Date,
): Promise<void> {
  requireDone(await tx.query(STATEMENTS.get(noun)!.insert, [revision, text, mac, now]))
}

export async function updateSetMac(
  tx: Queryable,
  { noun }: AppliedSet,
  { revision, mac }: Pick<StoredSet, 'revision' | 'mac'>,
): Promise<void> {
  await tx.query(STATEMENTS.get(noun)!.updateMac, [revision, mac])
}
