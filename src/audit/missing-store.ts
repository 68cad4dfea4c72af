import type { Queryable, Statement } from '../database/database.ts'
import { requireDone } from '../database/require-done.ts'
import { NumberRanges } from './number-ranges.ts'
import type { MissingNumbers } from './number-tracker.ts'

const SELECT_PROCESSES: Statement = {
  name: 'select-audit-processes',
  text: 'SELECT process, seen FROM audit_processes WHERE process = ANY($1::text[])',
}

/** Which numbers of these processes a sequencer has seen; only what can be read. */
export async function selectProcesses(
  db: Queryable,
  processes: readonly string[],
): Promise<ReadonlyMap<string, NumberRanges>> {
  const rows = await db.query<{ process: string; seen: string }>(SELECT_PROCESSES, [processes])
  return new Map(rows.map(({ process, seen }) => [process, NumberRanges.parse(seen.split(' ')) ?? new NumberRanges()]))
}

const INSERT_MISSING: Statement = {
  name: 'insert-audit-missing',
  text: `INSERT INTO audit_missing (process, first, last, found_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
}

/** Takes note of numbers that are gone. */
export async function insertMissing(db: Queryable, { process, from, to }: MissingNumbers, now: Date): Promise<void> {
  await db.query(INSERT_MISSING, [process, from, to, now])
}

const RESUME: Statement = {
  name: 'resume-after-audit-missing',
  text: 'UPDATE audit_missing SET resumed_by = $3 WHERE process = $1 AND first = $2 RETURNING resumed_by = $3 AS done',
}

/** Takes note of the event of an operator who has looked why they are gone. */
export async function markResumed(db: Queryable, { process, from }: MissingNumbers, event: string): Promise<void> {
  requireDone(await db.query(RESUME, [process, from, event]))
}
