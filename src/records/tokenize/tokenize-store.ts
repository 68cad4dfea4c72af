import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { EVENT_COLUMNS, insertEventsSql, writeEvents } from '../../audit/event/audit-store.ts'
import { byteaArray, integerArray, smallintArray, timestampArray } from '../../database/binary-array.ts'
import type { Database, Queryable, Statement, Transaction } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { nameOfConsents } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import { giveWay } from '../../values/time-slice.ts'
import {
  type IdempotencyRow,
  idempotencyColumns,
  insertIdempotencySql,
  keysOfReserved,
  reservedRows,
} from '../idempotency/idempotency-store.ts'
import { joinTerms, type RecordTerm, type StoredRecord, termOf } from '../record/record.ts'

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
      INSERT INTO records (token, kind, site, version, policy, consents, display_key, display_sealed,
                           secret_key, secret_sealed, terms, idempotency_hash, created_at)
      SELECT token, kind, site, 1, policy, consents, display_key, display_sealed,
             secret_key, secret_sealed, terms, idempotency_hash, created_at
      FROM unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::integer[], $5::integer[], $6::smallint[], $7::bytea[],
                  $8::smallint[], $9::bytea[], $10::bytea[], $11::bytea[], $12::timestamptz[])
        AS n (token, kind, site, policy, consents, display_key, display_sealed, secret_key, secret_sealed,
              terms, idempotency_hash, created_at)
      RETURNING true),
    ${idempotency}
    new_terms AS (
      INSERT INTO search_terms (term, token, key, mac)
      SELECT * FROM unnest($13::bytea[], $14::uuid[], $15::smallint[], $16::bytea[])
      RETURNING true),
    new_events AS (${insertEventsSql(17)})
    SELECT (SELECT count(*) FROM new_records) = cardinality($1::uuid[])
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
  const rows = rowsOf(writes)
  await insertRows(db, rows, await numbersOf(db, rows))
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
  // New names commit at once: others who need one do not wait for the transaction.
  const numbers = await numbersOf(database, { rows, ...beside })
  await database.transaction(async (tx) => {
    // The idempotency key comes first: a request that finds it taken has little to undo.
    await insertRows(tx, { rows: rows.slice(0, PART), ...beside }, numbers)
    for (let at = PART; at < rows.length; at += PART) {
      await giveWay()
      await insertRows(tx, { rows: rows.slice(at, at + PART), events: [], reserved: [] }, numbers)
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
    reserved: reservedRows(writes),
  }
}

interface NewRows {
  rows: readonly (NewRecord & { idempotencyHash: Buffer | null; now: Date })[]
  /** Events beside the records' own. */
  events: readonly AuditEvent[]
  reserved: ReturnType<typeof reservedRows>
}

/** The numbers of the names in new rows. */
async function numbersOf({ dictionary }: Pick<Queryable, 'dictionary'>, { rows, reserved }: NewRows) {
  const records = rows.map(({ record }) => record)
  const terms = rows.flatMap((row) => row.terms.map(({ keyId }) => keyId))
  const keys = [...records.flatMap(({ display, secret }) => [display.keyId, secret.keyId]), ...terms]
  const policies = records.map(({ policyVersion = null }) => policyVersion)
  const consents = records.map((record) => nameOfConsents(record.consents))
  return {
    kindOf: await dictionary.ids('kind', new Set(records.map(({ kind }) => kind))),
    siteOf: await dictionary.ids('site', new Set(records.map(({ site }) => site))),
    policyOf: await dictionary.ids('policy', new Set(policies)),
    consentsOf: await dictionary.ids('consents', new Set(consents)),
    keyOf: await dictionary.ids('key', new Set([...keys, ...keysOfReserved(reserved)])),
  }
}

async function insertRows(
  db: Queryable | Transaction,
  { rows, events, reserved }: NewRows,
  numbers: Awaited<ReturnType<typeof numbersOf>>,
): Promise<void> {
  const { kindOf, siteOf, policyOf, consentsOf, keyOf } = numbers
  const terms = rows.flatMap(({ record, terms }) => terms.map((term) => ({ ...term, token: record.token })))
  const records = rows.map(({ record }) => record)
  const write = (eventColumns: unknown[]) =>
    db.query<{ done: boolean }>(reserved.length > 0 ? INSERT_WITH_KEYS : INSERT_RECORDS, [
      idArray(records.map((r) => r.token)),
      smallintArray(records.map((r) => kindOf(r.kind))),
      smallintArray(records.map((r) => siteOf(r.site))),
      integerArray(records.map((r) => policyOf(r.policyVersion ?? null))),
      integerArray(records.map((r) => consentsOf(nameOfConsents(r.consents)))),
      smallintArray(records.map((r) => keyOf(r.display.keyId))),
      byteaArray(records.map((r) => r.display.bytes)),
      smallintArray(records.map((r) => keyOf(r.secret.keyId))),
      byteaArray(records.map((r) => r.secret.bytes)),
      byteaArray(rows.map((row) => joinTerms(row.terms))),
      byteaArray(rows.map((row) => row.idempotencyHash)),
      timestampArray(rows.map((row) => row.now)),
      byteaArray(terms.map(termOf)),
      idArray(terms.map((term) => term.token)),
      smallintArray(terms.map(({ keyId }) => keyOf(keyId))),
      byteaArray(terms.map((term) => term.mac)),
      ...eventColumns,
      ...(reserved.length > 0 ? idempotencyColumns(reserved, keyOf) : []),
    ])
  requireDone(await writeEvents(db, [...rows.map(({ event }) => event), ...events], write))
}
