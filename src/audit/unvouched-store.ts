import type { Queryable, Statement } from '../database/database.ts'

/** The event of a command that had no keys, as it would be in the log but for its MAC. */
export interface UnvouchedEvent {
  id: string
  body: string
}

const INSERT: Statement = {
  name: 'insert-unvouched-event',
  text: 'INSERT INTO audit_unvouched (id, body) VALUES ($1, $2)',
}
const SELECT: Statement = {
  name: 'select-unvouched-events',
  text: 'SELECT id, body FROM audit_unvouched ORDER BY id LIMIT 1000',
}
const TAKE: Statement = {
  name: 'take-unvouched-event',
  text: 'DELETE FROM audit_unvouched WHERE id = $1 RETURNING id',
}

export async function insertUnvouched(tx: Queryable, { id, body }: UnvouchedEvent): Promise<void> {
  await tx.query(INSERT, [id, body])
}

/** The oldest of them. */
export function selectUnvouched(db: Queryable): Promise<UnvouchedEvent[]> {
  return db.query(SELECT)
}

/** Takes one away. False when another server was first. */
export async function takeUnvouched(tx: Queryable, id: string): Promise<boolean> {
  return (await tx.query(TAKE, [id])).length > 0
}
