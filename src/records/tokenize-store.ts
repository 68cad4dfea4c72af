import type { AuditEvent } from '../audit/audit-event.ts'
import { EVENT_COLUMNS, insertEventsSql, writeEvents } from '../audit/audit-store.ts'
import { byteaArray, smallintArray, textArray, timestampArray } from '../database/binary-array.ts'
import type { Database, Queryable, Statement, Transaction } from '../database/database.ts'
import { requireDone } from '../database/require-done.ts'
import { giveWay } from '../time-slice.ts'
import { claimedRows, type IdempotencyRow, idempotencyColumns, insertIdempotencySql } from './idempotency-store.ts'
import { joinTerms, type RecordTerm, type StoredRecord, termOf } from './record.ts'

/** A record ready to be written, with the event that commits with it. */
export interface NewRecord {
  record: StoredRecord
  terms: readonly Omit<RecordTerm, 'type'>[]
  event: AuditEvent
}

/** All that one request writes. */
export interface NewRecords {
  /** The caller whose request it is. */
  owner?: string
  now: Date
  records: readonly NewRecord[]
  /** Events beside the records' own. */
  events?: readonly AuditEvent[]
  idempotency?: IdempotencyRow | undefined
}

/** PostgreSQL opens a table and its indexes for every INSERT, whether rows come or not: without keys it is left out. */
const insertStatement = (name: string, idempotency: string, isKept: string): Statement => ({
  name,
  text: `WITH
    new_records AS (
      INSERT INTO records (token, kind, site, version, policy_version, consents, display_key_id, display_sealed,
                           secret_key_id, secret_sealed, terms, idempotency_hash, created_at, updated_at)
      SELECT token, kind, site, 1, policy_version, string_to_array(consents, ' '), display_key_id, display_sealed,
             secret_key_id, secret_sealed, terms, idempotency_hash, created_at, created_at
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[],
                  $9::bytea[], $10::bytea[], $11::bytea[], $12::timestamptz[])
        AS n (token, kind, site, policy_version, consents, display_key_id, display_sealed, secret_key_id, secret_sealed,
              terms, idempotency_hash, created_at)
      RETURNING true),
    ${idempotency}
    new_terms AS (
      INSERT INTO search_terms (term, token, key, mac)
      SELECT * FROM unnest($13::bytea[], $14::text[], $15::smallint[], $16::bytea[])
      RETURNING true),
    new_events AS (${insertEventsSql(17)})
    SELECT (SELECT count(*) FROM new_records) = cardinality($1::text[])
       AND (SELECT count(*) FROM new_terms) = cardinality($13::bytea[]) ${isKept} AS done`,
})
const INSERT_RECORDS = insertStatement('insert-records', '', '')
const KEYS_FROM = 17 + EVENT_COLUMNS
const INSERT_WITH_KEYS = insertStatement(
  'insert-records-with-keys',
  `new_idempotency AS (${insertIdempotencySql(KEYS_FROM)} RETURNING true),`,
  `AND (SELECT count(*) FROM new_idempotency) = cardinality($${KEYS_FROM}::bytea[])`,
)

/**
 * Writes what any number of requests write — records, search terms, events, idempotency keys — in one statement and one
 * commit, all or nothing.
 *
 * @throws {DatabaseError} a unique violation on idempotency_keys_pkey when one of the requests was answered meanwhile
 */
export async function insertRecords(db: Queryable, writes: readonly NewRecords[]): Promise<undefined[]> {
  await insertRows(db, rowsOf(writes))
  return writes.map(() => undefined)
}

/** As many records go into one statement as share it when they come from many requests. */
const MOST_IN_ONE_STATEMENT = 256
/** More of them go in parts of so many: putting a part into its statement takes a millisecond. */
const PART = 64

/** Does the same for many records, in one transaction of several statements: between them others have their turns. */
export async function insertManyRecords(database: Database, writes: readonly NewRecords[]): Promise<undefined[]> {
  const { rows, ...beside } = rowsOf(writes)
  if (rows.length <= MOST_IN_ONE_STATEMENT) return insertRecords(database, writes)
  await database.transaction(async (tx) => {
    // The idempotency key comes first: a request that finds it taken has little to undo.
    await insertRows(tx, { rows: rows.slice(0, PART), ...beside })
    for (let at = PART; at < rows.length; at += PART) {
      await giveWay()
      await insertRows(tx, { rows: rows.slice(at, at + PART), events: [], claimed: [] })
    }
  })
  return writes.map(() => undefined)
}

function rowsOf(writes: readonly NewRecords[]): NewRows {
  return {
    rows: writes.flatMap(({ records, idempotency, now }) =>
      records.map((row) => ({ ...row, idempotencyHash: idempotency?.keyHash ?? null, now })),
    ),
    events: writes.flatMap(({ events = [] }) => events),
    claimed: claimedRows(writes),
  }
}

interface NewRows {
  rows: readonly (NewRecord & { idempotencyHash: Buffer | null; now: Date })[]
  /** Events beside the records' own. */
  events: readonly AuditEvent[]
  claimed: ReturnType<typeof claimedRows>
}

async function insertRows(db: Queryable | Transaction, { rows, events, claimed }: NewRows): Promise<void> {
  const terms = rows.flatMap(({ record, terms }) => terms.map((term) => ({ ...term, token: record.token })))
  const records = rows.map(({ record }) => record)
  const keyIds = terms.map(({ keyId }) => keyId)
  const keyOf = await db.dictionary.ids('key', keyIds)
  const write = (eventColumns: unknown[]) =>
    db.query<{ done: boolean }>(claimed.length > 0 ? INSERT_WITH_KEYS : INSERT_RECORDS, [
      textArray(records.map((r) => r.token)),
      textArray(records.map((r) => r.kind)),
      textArray(records.map((r) => r.site)),
      textArray(records.map((r) => r.policyVersion ?? null)),
      // Consents are slugs without spaces; unnest would flatten an array of arrays.
      textArray(records.map((r) => r.consents.join(' '))),
      textArray(records.map((r) => r.display.keyId)),
      byteaArray(records.map((r) => r.display.bytes)),
      textArray(records.map((r) => r.secret.keyId)),
      byteaArray(records.map((r) => r.secret.bytes)),
      byteaArray(rows.map((row) => joinTerms(row.terms))),
      byteaArray(rows.map((row) => row.idempotencyHash)),
      timestampArray(rows.map((row) => row.now)),
      byteaArray(terms.map(termOf)),
      textArray(terms.map((term) => term.token)),
      smallintArray(terms.map(({ keyId }) => keyOf(keyId))),
      byteaArray(terms.map((term) => term.mac)),
      ...eventColumns,
      ...(claimed.length > 0 ? idempotencyColumns(claimed) : []),
    ])
  requireDone(await writeEvents(db, [...rows.map(({ event }) => event), ...events], write))
}
