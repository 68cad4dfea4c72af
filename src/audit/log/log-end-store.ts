import type { Queryable, Statement } from '../../database/database.ts'
import { eventIdOf } from '../event/event-id.ts'
import { isIntactSql } from '../event/event-row-store.ts'

const FIND_LAST_STORED: Statement = {
  name: 'find-last-stored-of-log',
  text: `SELECT (SELECT max(sequence) FROM audit_leaves)::float8 AS leaf,
                (SELECT max(size) FROM audit_checkpoints)::float8 AS kept,
                (SELECT max(index) FROM audit_subtrees WHERE level = 1)::float8 AS tile`,
}

/** The number of the last leaf, the size of the largest checkpoint that was kept, and the number of the last full tile. */
export async function findLastStored(
  db: Queryable,
): Promise<{ leaf: number | null; kept: number | null; tile: number | null }> {
  const [last] = await db.query<{ leaf: number | null; kept: number | null; tile: number | null }>(FIND_LAST_STORED)
  return last!
}

const COUNT_LEAVES: Statement = {
  name: 'count-leaves',
  text: 'SELECT count(*)::float8 AS leaves FROM audit_leaves WHERE sequence >= $1 AND sequence < $2',
}

/** How many leaves there are from that one on and before the other. */
export async function countLeaves(db: Queryable, from: number, end: number): Promise<number> {
  return (await db.query<{ leaves: number }>(COUNT_LEAVES, [from, end]))[0]!.leaves
}

/** One snapshot for all that follows in the transaction, in which nothing was asked before. */
const FREEZE_SNAPSHOT: Statement = {
  name: 'freeze-log',
  text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY',
}

export async function freezeSnapshot(tx: Queryable): Promise<void> {
  await tx.query(FREEZE_SNAPSHOT)
}

const SELECT_CHANGED_EVENTS: Statement = {
  name: 'select-changed-audit-events',
  text: `SELECT l.sequence::float8 AS sequence, l.event, e.id IS NULL AS "isMissing"
         FROM (SELECT sequence, event, hash FROM audit_leaves WHERE sequence >= $1 AND sequence < $2) AS l
         LEFT JOIN audit_events e ON e.id = l.event
         WHERE CASE WHEN e.id IS NULL THEN true ELSE NOT (${isIntactSql('l.hash')}) END
         ORDER BY l.sequence`,
}

/** A leaf that differs from its event. */
export interface ChangedEvent {
  sequence: number
  event: string
  isMissing: boolean
}

/** The leaves from one up to, and without, another whose event is not there, is not what was hashed, or is not what its columns say. */
export async function selectChangedEvents(db: Queryable, from: number, to: number): Promise<ChangedEvent[]> {
  const rows = await db.query<ChangedEvent>(SELECT_CHANGED_EVENTS, [from, to])
  return rows.map((row) => ({ ...row, event: eventIdOf(row.event) }))
}
