import type { Queryable, Statement } from '../database/database.ts'

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

const FIND_CHANGED_EVENT: Statement = {
  name: 'find-changed-audit-event',
  text: `SELECT l.sequence::float8 AS sequence, l.event, e.id IS NULL AS "isMissing"
         FROM (SELECT sequence, event, hash FROM audit_leaves WHERE sequence >= $1) AS l
         LEFT JOIN audit_events e ON e.id = l.event
         WHERE CASE WHEN e.id IS NULL THEN l.event >= audit_event_id_at($2)
                    ELSE l.hash <> sha256('\\x00'::bytea || convert_to(e.body, 'UTF8')) END
         ORDER BY l.sequence LIMIT 1`,
}

/**
 * The first leaf from that one on whose event is not what was hashed, or is not there.
 *
 * @param missedSince an older event is not missed
 */
export async function findChangedEvent(
  db: Queryable,
  from: number,
  missedSince: Date,
): Promise<{ sequence: number; event: string; isMissing: boolean } | undefined> {
  const rows = await db.query<{ sequence: number; event: string; isMissing: boolean }>(FIND_CHANGED_EVENT, [
    from,
    missedSince,
  ])
  return rows[0]
}
