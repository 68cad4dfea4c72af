import { PATIENT_LOCK_TIMEOUT_MS, type Queryable, type Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'

/** One change of access as it is stored. */
export interface LedgerEntry {
  /** Grows with every entry. */
  generation: number
  /** What the entry is about, as `ledger-subject.ts` names it. */
  subject: string
  /** The new state of the subject; null if nothing of it is in force. */
  state: string | null
  /** As `Macs.make` makes it. */
  mac: Buffer
}

/** SQL of the MAC of the newest entry, in hexadecimal; null for an empty ledger. */
export const LEDGER_HEAD = `SELECT encode(mac, 'hex') FROM access_ledger ORDER BY generation DESC LIMIT 1`

const SELECT_HEAD: Statement = { name: 'select-access-ledger-head', text: `SELECT (${LEDGER_HEAD}) AS head` }
const SELECT_FROM: Statement = {
  name: 'select-access-ledger',
  text: 'SELECT generation, subject, state, mac FROM access_ledger WHERE generation >= $1 ORDER BY generation',
}
const INSERT: Statement = {
  name: 'insert-access-ledger',
  text: `INSERT INTO access_ledger (generation, subject, state, mac)
         SELECT generation, subject, state, decode(mac, 'hex')
         FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[]) AS n (generation, subject, state, mac) RETURNING true AS done`,
}
const DELETE_ALL: Statement = { name: 'delete-access-ledger', text: 'DELETE FROM access_ledger' }
const LOCK: Statement = {
  name: 'lock-access-ledger',
  text: 'SELECT pg_advisory_xact_lock($1)',
  lockTimeoutMs: PATIENT_LOCK_TIMEOUT_MS,
}

/** Any number that nothing else in this database locks: makes the entries follow one another. */
const LEDGER_LOCK = 0x7374_7227

export async function selectLedgerHead(db: Queryable): Promise<string | null> {
  return (await db.query<{ head: string | null }>(SELECT_HEAD))[0]?.head ?? null
}

/** The entries from that generation on, in their order. */
export function selectLedgerFrom(db: Queryable, generation: number): Promise<LedgerEntry[]> {
  return db.query(SELECT_FROM, [generation])
}

export async function insertLedgerEntries(tx: Queryable, entries: readonly LedgerEntry[]): Promise<void> {
  const written = await tx.query<{ done: boolean }>(INSERT, [
    entries.map(({ generation }) => generation),
    entries.map(({ subject }) => subject),
    entries.map(({ state }) => state),
    entries.map(({ mac }) => mac.toString('hex')),
  ])
  requireDone(written, entries.length)
}

/** Replaces all entries by these. */
export async function replaceLedger(tx: Queryable, entries: readonly LedgerEntry[]): Promise<void> {
  await tx.query(DELETE_ALL)
  await insertLedgerEntries(tx, entries)
}

/** Waits for the lock of the ledger, which the transaction holds until its end. */
export async function lockLedger(tx: Queryable): Promise<void> {
  await tx.query(LOCK, [LEDGER_LOCK])
}
