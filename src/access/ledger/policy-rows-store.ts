import { PATIENT_LOCK_TIMEOUT_MS, type Queryable, type Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'

/** A version of the privacy policy as it is stored, with the hash of its document for the document. */
export interface PolicyRow {
  version: string
  /** SHA-256 of the document as it is now, in hexadecimal. */
  sha256: string
  published_at: Date
  adopted_at: Date | null
}

/** The same with its document. */
export interface StoredPolicy extends PolicyRow {
  document: string
}

const SHA256 = `encode(sha256(convert_to(document, 'UTF8')), 'hex')`
const COLUMNS = `version, ${SHA256} AS sha256, published_at, adopted_at`

/** SQL of a text that differs whenever the set of policies does. */
export const POLICIES_REVISION = `SELECT encode(sha256(convert_to(coalesce(
    string_agg(concat_ws(' ', version, ${SHA256}, extract(epoch FROM published_at), extract(epoch FROM adopted_at)), E'\\n' ORDER BY version), ''),
    'UTF8')), 'hex') FROM privacy_policies`

const SELECT: Statement = {
  name: 'select-privacy-policy-rows',
  text: `SELECT ${COLUMNS} FROM privacy_policies ORDER BY version`,
}
const SELECT_STORED: Statement = {
  name: 'select-privacy-policies',
  text: `SELECT ${COLUMNS}, document FROM privacy_policies ORDER BY published_at, version`,
}
const SELECT_REVISION: Statement = {
  name: 'select-policies-revision',
  text: `SELECT (${POLICIES_REVISION}) AS revision`,
}
const INSERT: Statement = {
  name: 'insert-privacy-policy',
  text: `INSERT INTO privacy_policies (version, document, published_at) VALUES ($1, $2, $3)
         RETURNING document = $2 AND published_at = $3 AS done`,
}
const ADOPT: Statement = {
  name: 'adopt-privacy-policy',
  text: 'UPDATE privacy_policies SET adopted_at = $2 WHERE version = $1 RETURNING adopted_at = $2 AS done',
}
const LOCK: Statement = {
  name: 'lock-privacy-policies',
  text: 'SELECT pg_advisory_xact_lock($1)',
  lockTimeoutMs: PATIENT_LOCK_TIMEOUT_MS,
}
/** Makes changes of the policies follow one another. */
const POLICIES_LOCK = 0x7374_7240

export function selectPolicyRows(db: Queryable): Promise<PolicyRow[]> {
  return db.query(SELECT)
}

/** In the order in which they were published. */
export function selectStoredPolicies(db: Queryable): Promise<StoredPolicy[]> {
  return db.query(SELECT_STORED)
}

export async function selectPoliciesRevision(db: Queryable): Promise<string> {
  return (await db.query<{ revision: string }>(SELECT_REVISION))[0]!.revision
}

/** Waits for the lock of the policies, which the transaction holds until its end. */
export async function lockPolicies(tx: Queryable): Promise<void> {
  await tx.query(LOCK, [POLICIES_LOCK])
}

/** Now, or just after the last of these times: clocks of servers differ and are set back, and the order of changes must not. */
export function timeAfter(times: readonly (Date | null)[], now: Date): Date {
  return new Date(Math.max(Number(now), ...times.map((time) => (time === null ? 0 : Number(time) + 1))))
}

export async function insertPolicy(
  tx: Queryable,
  { version, document, published_at }: Pick<StoredPolicy, 'version' | 'document' | 'published_at'>,
): Promise<void> {
  requireDone(await tx.query(INSERT, [version, document, published_at]))
}

export async function markPolicyAdopted(tx: Queryable, version: string, now: Date): Promise<void> {
  requireDone(await tx.query(ADOPT, [version, now]))
}
