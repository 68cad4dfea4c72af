import type { Queryable, Statement, Transaction } from '../../database/database.ts'
import type { EventBook } from './audit-event.ts'
import type { SignedClaim } from './made.ts'

/** A process may have several rows: transactions in which it begins at the same time must not wait for each other. */
const INSERT_CLAIM: Statement = {
  name: 'insert-audit-claim',
  text: 'INSERT INTO audit_claims (process, claim, mac) VALUES ($1, $2, $3)',
}

const UPDATE_CLAIM: Statement = {
  name: 'update-audit-claim',
  text: 'UPDATE audit_claims SET change = DEFAULT, claim = $2, mac = $3 WHERE process = $1 RETURNING process',
}

/**
 * Stores the first claim of a process, with its first events or before them. An event of a process without a claim
 * shows that the claim was removed.
 */
export async function introduce(db: Queryable | Transaction, book: EventBook): Promise<void> {
  await insertClaim(db, book.sign(false))
  if (!('whenOver' in db)) book.introduced()
  else db.whenOver((outcome) => (outcome === 'committed' ? book.introduced() : undefined))
}

export async function insertClaim(db: Queryable, { process, claim, mac }: SignedClaim): Promise<void> {
  await db.query(INSERT_CLAIM, [process, claim, mac])
}

/** False if there is none. */
export async function updateClaim(db: Queryable, { process, claim, mac }: SignedClaim): Promise<boolean> {
  return (await db.query(UPDATE_CLAIM, [process, claim, mac])).length > 0
}

/** A stored claim, before it is believed. */
export interface StoredClaim extends SignedClaim {
  change: number
}

const SELECT_CLAIMS: Statement = {
  name: 'select-audit-claims',
  text: `SELECT change::float8 AS change, process, claim, mac FROM audit_claims
         WHERE change > $1 OR process = ANY ($2::text[]) ORDER BY change DESC LIMIT $3`,
}

/** The claims that were changed after that one, and those of these processes; the latest first. */
export function selectClaims(
  db: Queryable,
  after: number,
  processes: readonly string[],
  limit: number,
): Promise<StoredClaim[]> {
  return db.query(SELECT_CLAIMS, [after, processes, limit])
}

const SELECT_WITHOUT_CLAIM: Statement = {
  name: 'select-processes-without-audit-claim',
  text: `SELECT process FROM audit_processes p
         WHERE NOT EXISTS (SELECT FROM audit_claims c WHERE c.process = p.process)`,
}

/** The processes that have events in the log, and no claim. */
export async function selectWithoutClaim(db: Queryable): Promise<string[]> {
  return (await db.query<{ process: string }>(SELECT_WITHOUT_CLAIM)).map(({ process }) => process)
}
