import type { Queryable, Statement } from '../../database/database.ts'
import { nameOfConsents, numberOf } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import { uuidOf } from '../../values/identifier.ts'
import { joinTerms, type RecordPart, type RecordTerm, type StoredRecord } from '../record/record.ts'
import { changeTerms, removeTerms } from '../record/record-terms-store.ts'
import type { Token } from '../record/token.ts'

const KEEP_VERSION: Statement = {
  name: 'keep-record-version',
  text: `INSERT INTO record_versions (token, version, kind, site, display_key, display_sealed, secret_key, secret_sealed, replaced_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
}
const REPLACE_RECORD: Statement = {
  name: 'replace-record',
  text: `UPDATE records SET version = $2, display_key = $3, display_sealed = $4, secret_key = $5, secret_sealed = $6, terms = $7, updated_at = $8,
           policy = $9, consents = $10 WHERE token = $1`,
}
const IS_REPLACED: Statement = {
  name: 'is-record-replaced',
  text: `SELECT (version, display_key, display_sealed, secret_key, secret_sealed, terms, updated_at, consents)
                  = ($2::integer, $3::smallint, $4::bytea, $5::smallint, $6::bytea, $7::bytea, $8::timestamptz, $10::integer)
                AND policy IS NOT DISTINCT FROM $9::integer
                AND EXISTS (SELECT FROM record_versions v WHERE v.token = $1 AND v.version = $11) AS done
         FROM records WHERE token = $1`,
}

/** Keeps the current version, and puts the next one in its place. Needs a transaction that locked the record. */
export async function replaceRecord(
  tx: Queryable,
  before: StoredRecord,
  record: StoredRecord,
  terms: readonly RecordTerm[],
): Promise<void> {
  const { token, version, updatedAt } = record
  const uuid = uuidOf(token)
  const place = [await numberOf(tx, 'kind', before.kind), await numberOf(tx, 'site', before.site)]
  await tx.query(KEEP_VERSION, [uuid, before.version, ...place, ...(await sealedParts(tx, before)), updatedAt])
  await changeTerms(tx, token, terms)
  const { policyVersion = null, consents } = record
  const policy = (await tx.dictionary.ids('policy', [policyVersion]))(policyVersion)
  const facts = [joinTerms(terms), updatedAt, policy, await numberOf(tx, 'consents', nameOfConsents(consents))]
  const stored = [uuid, version, ...(await sealedParts(tx, record)), ...facts]
  await tx.query(REPLACE_RECORD, stored)
  requireDone(await tx.query(IS_REPLACED, [...stored, before.version]))
}

async function sealedParts(tx: Queryable, { display, secret }: Pick<StoredRecord, RecordPart>): Promise<unknown[]> {
  const keyOf = await tx.dictionary.ids('key', [display.keyId, secret.keyId])
  return [keyOf(display.keyId), display.bytes, keyOf(secret.keyId), secret.bytes]
}

const ERASE_RECORD: Statement = {
  name: 'erase-record',
  text: `UPDATE records SET erased_at = $2, updated_at = $2, display_key = NULL, display_sealed = NULL,
           secret_key = NULL, secret_sealed = NULL, terms = '' WHERE token = $1`,
}
const DELETE_VERSIONS: Statement = {
  name: 'delete-record-versions',
  text: 'DELETE FROM record_versions WHERE token = $1',
}
const FORGET_ANSWER: Statement = {
  name: 'forget-stored-answer',
  text: `UPDATE idempotency_keys SET response_key = NULL, response_sealed = NULL
         WHERE key_hash = (SELECT idempotency_hash FROM records WHERE token = $1)`,
}

const REASONS_OF_RECORD = `FROM reveal_reasons
         WHERE event IN (SELECT uuid_id('evt', id) FROM audit_events WHERE token = $1 UNION ALL SELECT id FROM approvals WHERE token = $2)`
const DELETE_REASONS: Statement = { name: 'delete-reveal-reasons', text: `DELETE ${REASONS_OF_RECORD}` }
const IS_ERASED: Statement = {
  name: 'is-record-erased',
  text: `SELECT erased_at IS NOT NULL AND num_nonnulls(display_key, display_sealed, secret_key, secret_sealed) = 0
                AND terms = ''
                AND NOT EXISTS (SELECT FROM record_versions v WHERE v.token = $1)
                AND NOT EXISTS (SELECT FROM idempotency_keys i WHERE i.key_hash = r.idempotency_hash AND response_sealed IS NOT NULL)
                AND NOT EXISTS (SELECT ${REASONS_OF_RECORD}) AS done
         FROM records r WHERE token = $1`,
}

/**
 * Removes everything sealed of the record, all its versions, terms and reasons, and the stored answers that contain it.
 * Needs a transaction.
 */
export async function eraseRecordRow(tx: Queryable, token: Token, now: Date): Promise<void> {
  const uuid = uuidOf(token)
  await tx.query(FORGET_ANSWER, [uuid])
  await removeTerms(tx, token)
  await tx.query(ERASE_RECORD, [uuid, now])
  await tx.query(DELETE_VERSIONS, [uuid])
  await tx.query(DELETE_REASONS, [uuid, token])
  requireDone(await tx.query(IS_ERASED, [uuid, token]))
}

/** Whether a record is erased and nothing sealed of it is left. */
export async function isErased(db: Queryable, token: Token): Promise<boolean> {
  const [row] = await db.query<{ done: boolean | null }>(IS_ERASED, [uuidOf(token), token])
  return row?.done === true
}
