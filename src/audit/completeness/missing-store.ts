import type { Queryable, Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'
import { nameSql, queryStored, type StoredEvent } from '../event/event-row-store.ts'
import { isSought } from '../event/sought-type.ts'
import type { MissingNumbers } from './number-tracker.ts'

const INSERT_MISSING: Statement = {
  name: 'insert-audit-missing',
  text: `INSERT INTO audit_missing (process, first, last, found_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
}

/** Notes missing numbers. */
export async function insertMissing(db: Queryable, { process, from, to }: MissingNumbers, now: Date): Promise<void> {
  await db.query(INSERT_MISSING, [process, from, to, now])
}

const RESUME: Statement = {
  name: 'resume-after-audit-missing',
  text: 'UPDATE audit_missing SET resumed_by = $3 WHERE process = $1 AND first = $2 RETURNING resumed_by = $3 AS done',
}

/** Notes the event of an operator who has looked at why they are missing. */
export async function markResumed(db: Queryable, { process, from }: MissingNumbers, event: string): Promise<void> {
  requireDone(await db.query(RESUME, [process, from, event]))
}

const SELECT_MISSING: Statement = {
  name: 'select-audit-missing',
  text: `SELECT process, first::float8 AS "from", last::float8 AS "to" FROM audit_missing ORDER BY found_at, process, first`,
}

/** What the table says is missing. A row may be written or removed by others. */
export function selectMissing(db: Queryable): Promise<MissingNumbers[]> {
  return db.query(SELECT_MISSING)
}

const SELECT_STOPS: Statement = {
  name: 'select-audit-stops',
  text: `SELECT id, ${nameSql('type', 'type')} AS type, body, mac,
                (SELECT sequence::float8 FROM audit_leaves WHERE event = e.id) AS sequence
         FROM audit_events e WHERE ${isSought('audit.missing', 'audit.resume')} ORDER BY id`,
}

export type UnverifiedStop = StoredEvent & { type: 'audit.missing' | 'audit.resume' }

/** The events that stop releases, and those that resume them. */
export function selectStops(db: Queryable): Promise<UnverifiedStop[]> {
  return queryStored(db, SELECT_STOPS)
}
