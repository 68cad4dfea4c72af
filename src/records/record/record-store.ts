import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { numberOf, spellOut } from '../../database/lean-rows.ts'
import { uuidOf } from '../../values/identifier.ts'
import type { StoredRecord } from './record.ts'
import { kindNameOf, type Token } from './token.ts'

/** A row of `records`, spelt out. An erased record has nothing sealed. */
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

export const RECORD_COLUMNS = `token, kind, site, version, policy, consents, display_key, display_sealed,
  secret_key, secret_sealed, created_at, updated_at`

/** The same bytes after another prefix are another token. */
const IS_RECORD = 'token = $1 AND kind = $2 AND site = $3'

const placeOf = async (db: Queryable, site: string, token: Token) => [
  uuidOf(token),
  await numberOf(db, 'kind', kindNameOf(token)),
  await numberOf(db, 'site', site),
]

const SELECT_FOR_UPDATE: Statement = {
  name: 'select-record-for-update',
  text: `SELECT ${RECORD_COLUMNS} FROM records WHERE ${IS_RECORD} FOR UPDATE`,
}

const HOLD_TO_CHANGE: Statement = { name: 'hold-record-to-change', text: 'SELECT hold_to_change($1)' }

/** `erased` is all that is left of a record that was erased. */
export type FoundRecord = StoredRecord | 'erased'

/**
 * Waits for the releases of the record that are under way, and keeps it from others until the transaction ends. Nothing else of
 * the record may have been locked before.
 */
export async function lockRecord(tx: Queryable, site: string, token: Token): Promise<FoundRecord | undefined> {
  await tx.query(HOLD_TO_CHANGE, [uuidOf(token)])
  const found = await tx.query<Record<string, unknown>>(SELECT_FOR_UPDATE, await placeOf(tx, site, token))
  const [row] = await spellOut<RecordRow>(tx, found)
  return row && toRecord(row)
}

const HOLD_ALL_TO_CHANGE: Statement = {
  name: 'hold-records-to-change',
  text: `SELECT pg_advisory_xact_lock(1937011248, lock)
         FROM (SELECT DISTINCT record_lock(token) AS lock FROM unnest($1::uuid[]) AS w (token) ORDER BY 1) AS l`,
}

/** Does the first for many records, in the order of their locks, before any of them is read with `lockRecord`. */
export async function holdRecords(tx: Queryable, tokens: readonly Token[]): Promise<void> {
  await tx.query(HOLD_ALL_TO_CHANGE, [idArray(tokens)])
}

const SELECT_RECORD: Statement = {
  name: 'select-record',
  text: `SELECT ${RECORD_COLUMNS} FROM records WHERE ${IS_RECORD}`,
}

/** The record as it is now. It is not locked. */
export async function findRecord(db: Queryable, site: string, token: Token): Promise<FoundRecord | undefined> {
  const found = await db.query<Record<string, unknown>>(SELECT_RECORD, await placeOf(db, site, token))
  const [row] = await spellOut<RecordRow>(db, found)
  return row && toRecord(row)
}

const HOLD_TO_RELEASE: Statement = {
  name: 'hold-record-to-release',
  text: 'SELECT FROM hold_to_release(ARRAY[$1::uuid], true)',
}
/** The snapshot of this statement is later than the lock. */
const SELECT_STATE: Statement = {
  name: 'select-record-state',
  text: `SELECT version, policy, consents, erased_at IS NOT NULL AS erased FROM records WHERE ${IS_RECORD}`,
}

/** What can be said of a record before anything of it is opened. */
export type RecordState = Pick<StoredRecord, 'version' | 'policyVersion' | 'consents'> | 'erased'

/** Keeps the record as it is until the transaction ends; others may do the same. */
export async function lockForRelease(tx: Queryable, site: string, token: Token): Promise<RecordState | undefined> {
  await tx.query(HOLD_TO_RELEASE, [uuidOf(token)])
  const found = await tx.query<Record<string, unknown>>(SELECT_STATE, await placeOf(tx, site, token))
  const [row] = await spellOut<Pick<RecordRow, 'version' | 'policy_version' | 'consents'> & { erased: boolean }>(
    tx,
    found,
  )
  if (row === undefined || row.erased) return row && 'erased'
  const { version, policy_version, consents } = row
  return { version, policyVersion: policy_version ?? undefined, consents }
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
