import type { Queryable, Statement, Transaction } from '../../database/database.ts'
import type { EventBook } from './audit-event.ts'
import type { SignedReport } from './made.ts'

/** A process may have several rows: transactions in which it begins at the same time must not wait for each other. */
const INSERT_REPORT: Statement = {
  name: 'insert-audit-claim',
  text: 'INSERT INTO audit_claims (process, claim, mac) VALUES ($1, $2, $3)',
}

const UPDATE_REPORT: Statement = {
  name: 'update-audit-claim',
  text: 'UPDATE audit_claims SET change = DEFAULT, claim = $2, mac = $3 WHERE process = $1 RETURNING process',
}

/**
 * Stores the first report of a process, with its first events or before them. An event of a process without a report
 * shows that the report was removed.
 */
export async function introduce(db: Queryable | Transaction, book: EventBook): Promise<void> {
  await insertReport(db, book.sign(false))
  if (!('whenOver' in db)) book.introduced()
  else db.whenOver((outcome) => (outcome === 'committed' ? book.introduced() : undefined))
}

export async function insertReport(db: Queryable, { process, report, mac }: SignedReport): Promise<void> {
  await db.query(INSERT_REPORT, [process, report, mac])
}

/** @returns false if the process has no report */
export async function updateReport(db: Queryable, { process, report, mac }: SignedReport): Promise<boolean> {
  return (await db.query(UPDATE_REPORT, [process, report, mac])).length > 0
}

/** A stored report, before it is believed. */
export interface StoredReport extends SignedReport {
  change: number
}

const SELECT_REPORTS: Statement = {
  name: 'select-audit-claims',
  text: `SELECT change::float8 AS change, process, claim AS report, mac FROM audit_claims
         WHERE change > $1 OR process = ANY ($2::text[]) ORDER BY change DESC LIMIT $3`,
}

/** The reports that were changed after that one, and those of these processes; the latest first. */
export function selectReports(
  db: Queryable,
  after: number,
  processes: readonly string[],
  limit: number,
): Promise<StoredReport[]> {
  return db.query(SELECT_REPORTS, [after, processes, limit])
}

const SELECT_WITHOUT_REPORT: Statement = {
  name: 'select-processes-without-audit-claim',
  text: `SELECT process FROM audit_processes p
         WHERE NOT EXISTS (SELECT FROM audit_claims c WHERE c.process = p.process)`,
}

/** The processes that have events in the log, and no report. */
export async function selectWithoutReport(db: Queryable): Promise<string[]> {
  return (await db.query<{ process: string }>(SELECT_WITHOUT_REPORT)).map(({ process }) => process)
}
