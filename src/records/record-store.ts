import { byteaArray, smallintArray, textArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import { requireDone } from '../database/require-done.ts'
import { joinTerms, type RecordPart, type RecordTerm, type StoredRecord, splitTerms, termOf } from './record.ts'
import type { Token } from './token.ts'

/** A row of `records`; what was erased has nothing sealed. */
export interface RecordRow {
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

export const RECORD_COLUMNS = `token, kind, site, version, policy_version, consents, display_key_id, display_sealed,
  secret_key_id, secret_sealed, created_at, updated_at`

const SELECT_FOR_UPDATE: Statement = {
  name: 'select-record-for-update',
  text: `SELECT ${RECORD_COLUMNS} FROM records WHERE token = $1 AND site = $2 FOR UPDATE`,
}

const HOLD_TO_CHANGE: Statement = { name: 'hold-record-to-change', text: 'SELECT hold_to_change($1)' }

/** `erased` is all that is left of a record that was erased. */
export type FoundRecord = StoredRecord | 'erased'

/**
 * Waits for the releases of the record that are under way, and keeps it from others until the transaction ends. Nothing else of
 * the record may have been locked before.
 */
export async function lockRecord(tx: Queryable, site: string, token: Token): Promise<FoundRecord | undefined> {
  await tx.query(HOLD_TO_CHANGE, [token])
  const [row] = await tx.query<RecordRow>(SELECT_FOR_UPDATE, [token, site])
  return row && toRecord(row)
}

const SELECT_RECORD: Statement = {
  name: 'select-record',
  text: `SELECT ${RECORD_COLUMNS} FROM records WHERE token = $1 AND site = $2`,
}

/** The record as it is now; nothing keeps it so. */
export async function findRecord(db: Queryable, site: string, token: Token): Promise<FoundRecord | undefined> {
  const [row] = await db.query<RecordRow>(SELECT_RECORD, [token, site])
  return row && toRecord(row)
}

const HOLD_TO_RELEASE: Statement = {
  name: 'hold-record-to-release',
  text: 'SELECT FROM hold_to_release(ARRAY[$1::text], true)',
}
/** Its snapshot is later than the lock. */
const SELECT_STATE: Statement = {
  name: 'select-record-state',
  text: 'SELECT version, consents, erased_at IS NOT NULL AS erased FROM records WHERE token = $1 AND site = $2',
}

/** What can be said of a record before anything of it is opened. */
export type RecordState = Pick<StoredRecord, 'version' | 'consents'> | 'erased'

/** Keeps the record as it is until the transaction ends; others may do the same. */
export async function lockForRelease(tx: Queryable, site: string, token: Token): Promise<RecordState | undefined> {
  await tx.query(HOLD_TO_RELEASE, [token])
  const [row] = await tx.query<{ version: number; consents: string[]; erased: boolean }>(SELECT_STATE, [token, site])
  return row?.erased ? 'erased' : row
}

/** A row as a record, or as what is left of one. */
export function toRecord(row: RecordRow): FoundRecord {
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

const KEEP_VERSION: Statement = {
  name: 'keep-record-version',
  text: `INSERT INTO record_versions (token, version, kind, site, display_key_id, display_sealed, secret_key_id, secret_sealed, replaced_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
}
const REPLACE_RECORD: Statement = {
  name: 'replace-record',
  text: `UPDATE records SET version = $2, display_key_id = $3, display_sealed = $4, secret_key_id = $5, secret_sealed = $6, terms = $7, updated_at = $8
         WHERE token = $1`,
}
const SELECT_TERMS: Statement = { name: 'select-record-terms', text: 'SELECT terms FROM records WHERE token = $1' }
const DELETE_TERMS: Statement = {
  name: 'delete-terms',
  text: 'DELETE FROM search_terms WHERE token = $1 AND term = ANY($2::bytea[])',
}
const ARE_TERMS_GONE: Statement = {
  name: 'are-terms-gone',
  text: 'SELECT NOT EXISTS (SELECT FROM search_terms WHERE token = $1 AND term = ANY($2::bytea[])) AS done',
}
const INSERT_TERMS: Statement = {
  name: 'insert-terms',
  text: `INSERT INTO search_terms (term, token, key, mac)
         SELECT * FROM unnest($1::bytea[], $2::text[], $3::smallint[], $4::bytea[])`,
}
const IS_REPLACED: Statement = {
  name: 'is-record-replaced',
  text: `SELECT (version, display_key_id, display_sealed, secret_key_id, secret_sealed, terms, updated_at)
                  = ($2::integer, $3::text, $4::bytea, $5::text, $6::bytea, $7::bytea, $8::timestamptz)
                AND EXISTS (SELECT FROM record_versions v WHERE v.token = $1 AND v.version = $9)
                AND (SELECT count(*) FROM search_terms s WHERE s.token = $1 AND s.term = ANY($10::bytea[]))
                  = cardinality($10::bytea[]) AS done
         FROM records WHERE token = $1`,
}

/** Keeps the version that stands, and puts the corrected one in its place. Needs a transaction that locked the record. */
export async function replaceRecord(
  tx: Queryable,
  before: StoredRecord,
  record: StoredRecord,
  terms: readonly RecordTerm[],
): Promise<void> {
  const { token, version, updatedAt } = record
  await tx.query(KEEP_VERSION, [token, before.version, before.kind, before.site, ...sealedParts(before), updatedAt])
  await removeTerms(tx, token)
  const stored = [token, version, ...sealedParts(record), joinTerms(terms), updatedAt]
  await tx.query(REPLACE_RECORD, stored)
  const hashes = byteaArray(terms.map(termOf))
  const keyIds = terms.map(({ keyId }) => keyId)
  const keyOf = await tx.dictionary.ids('key', keyIds)
  await tx.query(INSERT_TERMS, [
    hashes,
    textArray(terms.map(() => token)),
    smallintArray(keyIds.map(keyOf)),
    byteaArray(terms.map((term) => term.mac)),
  ])
  requireDone(await tx.query(IS_REPLACED, [...stored, before.version, hashes]))
}

function sealedParts({ display, secret }: Pick<StoredRecord, RecordPart>): unknown[] {
  return [display.keyId, display.bytes, secret.keyId, secret.bytes]
}

async function removeTerms(tx: Queryable, token: Token): Promise<void> {
  const [row] = await tx.query<{ terms: Buffer }>(SELECT_TERMS, [token])
  const terms = [token, byteaArray(splitTerms(row?.terms ?? Buffer.alloc(0)))]
  await tx.query(DELETE_TERMS, terms)
  requireDone(await tx.query(ARE_TERMS_GONE, terms))
}

const ERASE_RECORD: Statement = {
  name: 'erase-record',
  text: `UPDATE records SET erased_at = $2, updated_at = $2, display_key_id = NULL, display_sealed = NULL,
           secret_key_id = NULL, secret_sealed = NULL, terms = '' WHERE token = $1`,
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

const REASONS_OF_RECORD = `FROM reveal_reasons
         WHERE event IN (SELECT id FROM audit_events WHERE token = $1 UNION ALL SELECT id FROM approvals WHERE token = $1)`
const DELETE_REASONS: Statement = { name: 'delete-reveal-reasons', text: `DELETE ${REASONS_OF_RECORD}` }
const IS_ERASED: Statement = {
  name: 'is-record-erased',
  text: `SELECT erased_at IS NOT NULL AND num_nonnulls(display_key_id, display_sealed, secret_key_id, secret_sealed) = 0
                AND terms = ''
                AND NOT EXISTS (SELECT FROM record_versions v WHERE v.token = $1)
                AND NOT EXISTS (SELECT FROM idempotency_keys i WHERE i.key_hash = r.idempotency_hash AND response_sealed IS NOT NULL)
                AND NOT EXISTS (SELECT ${REASONS_OF_RECORD}) AS done
         FROM records r WHERE token = $1`,
}

/** Removes everything sealed of the record, all its versions, terms and reasons, and the stored answer it stood in. Needs a transaction. */
export async function eraseRecordRow(tx: Queryable, token: Token, now: Date): Promise<void> {
  await tx.query(FORGET_ANSWER, [token])
  await removeTerms(tx, token)
  await tx.query(ERASE_RECORD, [token, now])
  await tx.query(DELETE_VERSIONS, [token])
  await tx.query(DELETE_REASONS, [token])
  requireDone(await tx.query(IS_ERASED, [token]))
}
