import type { AuditEvent } from '../audit/audit-event.ts'
import { eventColumns, insertEventsSql } from '../audit/audit-store.ts'
import type { Queryable, Statement } from '../database/database.ts'
import type { IdempotencyRow } from './idempotency-store.ts'
import type { StoredRecord, TermHash } from './record.ts'
import type { Token } from './token.ts'

/** A record ready to be written, with everything that commits with it. */
export interface NewRecord {
  record: StoredRecord
  terms: readonly TermHash[]
  event: AuditEvent
}

const INSERT_RECORDS: Statement = {
  name: 'insert-records',
  text: `WITH
    new_records AS (
      INSERT INTO records (token, kind, site, version, policy_version, consents, display_key_id, display_sealed,
                           secret_key_id, secret_sealed, idempotency_hash, created_at, updated_at)
      SELECT token, kind, site, 1, policy_version, string_to_array(consents, ' '), display_key_id, display_sealed,
             secret_key_id, secret_sealed, $14::bytea, $10::timestamptz, $10::timestamptz
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[], $9::bytea[])
        AS n (token, kind, site, policy_version, consents, display_key_id, display_sealed, secret_key_id, secret_sealed)),
    new_terms AS (
      INSERT INTO search_terms (term, token, key_id) SELECT * FROM unnest($11::bytea[], $12::text[], $13::text[])),
    new_idempotency AS (
      INSERT INTO idempotency_keys (key_hash, request_hash, response_key_id, response_sealed, created_at, expires_at)
      SELECT $14::bytea, $15::bytea, $16::text, $17::bytea, $10::timestamptz, $18::timestamptz WHERE $14::bytea IS NOT NULL)
    ${insertEventsSql(19)}`,
}

/**
 * Writes records, their search terms, their events and the idempotency key of their request: one statement, one commit,
 * all or nothing.
 *
 * @throws {DatabaseError} a unique violation on idempotency_keys_pkey when the same request was answered meanwhile
 */
export async function insertRecords(
  db: Queryable,
  records: readonly NewRecord[],
  options: { now: Date; idempotency: IdempotencyRow | undefined; events?: readonly AuditEvent[] },
): Promise<void> {
  const column = <T>(pick: (record: StoredRecord) => T) => records.map(({ record }) => pick(record))
  const terms = records.flatMap(({ record, terms }) => terms.map((term) => ({ ...term, token: record.token })))
  const { now, idempotency } = options
  await db.query(INSERT_RECORDS, [
    column((r) => r.token),
    column((r) => r.kind),
    column((r) => r.site),
    column((r) => r.policyVersion ?? null),
    // Consents are slugs without spaces; unnest would flatten an array of arrays.
    column((r) => r.consents.join(' ')),
    column((r) => r.display.keyId),
    column((r) => r.display.bytes),
    column((r) => r.secret.keyId),
    column((r) => r.secret.bytes),
    now,
    terms.map((term) => term.hash),
    terms.map((term) => term.token),
    terms.map((term) => term.keyId),
    idempotency?.keyHash ?? null,
    idempotency?.requestHash ?? null,
    idempotency?.response?.keyId ?? null,
    idempotency?.response?.bytes ?? null,
    idempotency?.expiresAt ?? null,
    ...eventColumns([...records.map(({ event }) => event), ...(options.events ?? [])]),
  ])
}

interface RecordRow {
  token: Token
  kind: StoredRecord['kind']
  site: string
  version: number
  policy_version: string | null
  consents: string[]
  display_key_id: string | null
  display_sealed: Buffer | null
  secret_key_id: string | null
  secret_sealed: Buffer | null
  created_at: Date
  updated_at: Date
}

const COLUMNS = `token, kind, site, version, policy_version, consents, display_key_id, display_sealed,
  secret_key_id, secret_sealed, created_at, updated_at`

const SELECT_RECORDS: Statement = {
  name: 'select-records',
  text: `SELECT ${COLUMNS} FROM records WHERE token = ANY($1::text[]) AND site = $2`,
}
const SELECT_FOR_UPDATE: Statement = {
  name: 'select-record-for-update',
  text: `SELECT ${COLUMNS} FROM records WHERE token = $1 AND site = $2 FOR UPDATE`,
}
const SEARCH: Statement = {
  name: 'search-records',
  text: `SELECT ${COLUMNS} FROM records
         WHERE token IN (SELECT token FROM search_terms WHERE term = ANY($1::bytea[])) AND site = $2 AND erased_at IS NULL
         ORDER BY created_at DESC, token LIMIT $3`,
}

/** `erased` is all that is left of a record that was erased. */
export type FoundRecord = StoredRecord | 'erased'

/** The records of that site among the tokens; what is unknown or of another site is not in the map. */
export async function findRecords(
  db: Queryable,
  site: string,
  tokens: readonly Token[],
): Promise<Map<Token, FoundRecord>> {
  const rows = await db.query<RecordRow>(SELECT_RECORDS, [tokens, site])
  return new Map(rows.map((row) => [row.token, toRecord(row)]))
}

/** Locks the record until the transaction ends. */
export async function lockRecord(tx: Queryable, site: string, token: Token): Promise<FoundRecord | undefined> {
  const [row] = await tx.query<RecordRow>(SELECT_FOR_UPDATE, [token, site])
  return row && toRecord(row)
}

/** Records of the site under any of the term hashes, newest first. */
export async function searchRecords(
  db: Queryable,
  site: string,
  hashes: readonly Buffer[],
  limit: number,
): Promise<StoredRecord[]> {
  const rows = await db.query<RecordRow>(SEARCH, [hashes, site, limit])
  return rows.map(toRecord).filter((record) => record !== 'erased')
}

function toRecord(row: RecordRow): FoundRecord {
  const { display_key_id, display_sealed, secret_key_id, secret_sealed } = row
  if (!display_key_id || !display_sealed || !secret_key_id || !secret_sealed) return 'erased'
  return {
    token: row.token,
    kind: row.kind,
    site: row.site,
    version: row.version,
    policyVersion: row.policy_version ?? undefined,
    consents: row.consents,
    display: { keyId: display_key_id, bytes: display_sealed },
    secret: { keyId: secret_key_id, bytes: secret_sealed },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

const RECORD_RELEASE: Statement = {
  name: 'record-release',
  text: `WITH
    live AS (
      SELECT r.token FROM records r JOIN unnest($7::text[], $8::integer[]) AS wanted (token, version)
        ON r.token = wanted.token AND r.version = wanted.version
      WHERE r.erased_at IS NULL FOR SHARE OF r),
    new_reasons AS (
      INSERT INTO reveal_reasons (event, reason_key_id, reason_sealed)
      SELECT * FROM unnest($9::text[], $10::text[], $11::bytea[])
      WHERE (SELECT count(*) FROM live) = cardinality($7::text[])),
    new_idempotency AS (
      INSERT INTO idempotency_keys (key_hash, request_hash, response_key_id, response_sealed, created_at, expires_at)
      SELECT $12::bytea, $13::bytea, $14::text, $15::bytea, $16::timestamptz, $17::timestamptz
      WHERE $12::bytea IS NOT NULL AND (SELECT count(*) FROM live) = cardinality($7::text[]))
    ${insertEventsSql(1)} WHERE (SELECT count(*) FROM live) = cardinality($7::text[]) RETURNING id`,
}

/** The sealed reason of a reveal, beside its event. */
export interface SealedReason {
  event: string
  keyId: string
  bytes: Buffer
}

export interface Release {
  events: readonly AuditEvent[]
  /** The records that leave, in the versions that were opened. */
  records: readonly Pick<StoredRecord, 'token' | 'version'>[]
  reasons?: readonly SealedReason[]
  idempotency?: IdempotencyRow | undefined
  now: Date
}

/**
 * Commits the events of a release, if every record in it still stands in the version that was opened. The share lock orders
 * it against erasure and correction: whoever commits first is the earlier one, so nothing leaves after an erasure was
 * acknowledged.
 *
 * @returns false when a record was erased or corrected meanwhile; then nothing was written and nothing may leave
 * @throws {Problem} audit-unavailable
 */
export async function recordRelease(db: Queryable, release: Release): Promise<boolean> {
  const reasons = release.reasons ?? []
  const rows = await db.query(RECORD_RELEASE, [
    ...eventColumns(release.events),
    release.records.map((record) => record.token),
    release.records.map((record) => record.version),
    reasons.map((reason) => reason.event),
    reasons.map((reason) => reason.keyId),
    reasons.map((reason) => reason.bytes),
    release.idempotency?.keyHash ?? null,
    release.idempotency?.requestHash ?? null,
    release.idempotency?.response?.keyId ?? null,
    release.idempotency?.response?.bytes ?? null,
    release.now,
    release.idempotency?.expiresAt ?? null,
  ])
  return rows.length === release.events.length
}

const KEEP_VERSION: Statement = {
  name: 'keep-record-version',
  text: `INSERT INTO record_versions (token, version, kind, site, display_key_id, display_sealed, secret_key_id, secret_sealed, replaced_at)
         SELECT token, version, kind, site, display_key_id, display_sealed, secret_key_id, secret_sealed, $2 FROM records WHERE token = $1`,
}
const REPLACE_RECORD: Statement = {
  name: 'replace-record',
  text: `UPDATE records SET version = $2, display_key_id = $3, display_sealed = $4, secret_key_id = $5, secret_sealed = $6, updated_at = $7
         WHERE token = $1`,
}
const DELETE_TERMS: Statement = { name: 'delete-terms', text: 'DELETE FROM search_terms WHERE token = $1' }
const INSERT_TERMS: Statement = {
  name: 'insert-terms',
  text: 'INSERT INTO search_terms (term, token, key_id) SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[])',
}

/** Keeps the sealed version that stands, and puts the corrected one in its place. Needs a transaction that locked the record. */
export async function replaceRecord(tx: Queryable, record: StoredRecord, terms: readonly TermHash[]): Promise<void> {
  const { token, version, display, secret, updatedAt } = record
  await tx.query(KEEP_VERSION, [token, updatedAt])
  await tx.query(REPLACE_RECORD, [token, version, display.keyId, display.bytes, secret.keyId, secret.bytes, updatedAt])
  await tx.query(DELETE_TERMS, [token])
  await tx.query(INSERT_TERMS, [
    terms.map((term) => term.hash),
    terms.map(() => token),
    terms.map((term) => term.keyId),
  ])
}

const ERASE_RECORD: Statement = {
  name: 'erase-record',
  text: `UPDATE records SET erased_at = $2, updated_at = $2, display_key_id = NULL, display_sealed = NULL,
           secret_key_id = NULL, secret_sealed = NULL WHERE token = $1`,
}
const DELETE_VERSIONS: Statement = {
  name: 'delete-record-versions',
  text: 'DELETE FROM record_versions WHERE token = $1',
}
const FORGET_ANSWER: Statement = {
  name: 'forget-stored-answer',
  text: `UPDATE idempotency_keys SET response_key_id = NULL, response_sealed = NULL
         WHERE key_hash = (SELECT idempotency_hash FROM records WHERE token = $1)`,
}

/** Removes everything sealed of the record, all its versions and terms, and the stored answer it stood in. Needs a transaction. */
export async function eraseRecordRow(tx: Queryable, token: Token, now: Date): Promise<void> {
  await tx.query(FORGET_ANSWER, [token])
  await tx.query(ERASE_RECORD, [token, now])
  await tx.query(DELETE_VERSIONS, [token])
  await tx.query(DELETE_TERMS, [token])
}
