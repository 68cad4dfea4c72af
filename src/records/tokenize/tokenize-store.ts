import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { EVENT_ARRAYS, type EventArrays, insertEventsSql, writeEvents } from '../../audit/event/audit-store.ts'
import { byteaArray, integerArray, smallintArray, timestampArray } from '../../database/binary-array.ts'
import { buildStatement, type Parameters } from '../../database/build-statement.ts'
import type { Database, Queryable, Transaction } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { nameOfConsents } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import { giveWay } from '../../values/time-slice.ts'
import {
  IDEMPOTENCY_ARRAYS,
  type IdempotencyRow,
  idempotencyArrays,
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

/** The arrays of what every such statement writes. */
const RECORD_ARRAYS = {
  token: 'uuid[]',
  kind: 'smallint[]',
  site: 'smallint[]',
  policy: 'integer[]',
  consents: 'integer[]',
  display_key: 'smallint[]',
  display_sealed: 'bytea[]',
  secret_key: 'smallint[]',
  secret_sealed: 'bytea[]',
  terms: 'bytea[]',
  idempotency_hash: 'bytea[]',
  created_at: 'timestamptz[]',
  term: 'bytea[]',
  term_token: 'uuid[]',
  term_key: 'smallint[]',
  term_mac: 'bytea[]',
  ...EVENT_ARRAYS,
} as const

/** @param idempotency what else is written, with a comma after it; `isKept` says whether all of that was */
function insertRecordsSql(p: Parameters<typeof RECORD_ARRAYS>, idempotency = '', isKept = ''): string {
  return `WITH
    new_records AS (
      INSERT INTO records (token, kind, site, version, policy, consents, display_key, display_sealed,
                           secret_key, secret_sealed, terms, idempotency_hash, created_at)
      SELECT token, kind, site, 1, policy, consents, display_key, display_sealed,
             secret_key, secret_sealed, terms, idempotency_hash, created_at
      FROM unnest(${p.token}, ${p.kind}, ${p.site}, ${p.policy}, ${p.consents}, ${p.display_key}, ${p.display_sealed},
                  ${p.secret_key}, ${p.secret_sealed}, ${p.terms}, ${p.idempotency_hash}, ${p.created_at})
        AS n (token, kind, site, policy, consents, display_key, display_sealed, secret_key, secret_sealed,
              terms, idempotency_hash, created_at)
      RETURNING true),
    ${idempotency}
    new_terms AS (
      INSERT INTO search_terms (term, token, key, mac)
      SELECT * FROM unnest(${p.term}, ${p.term_token}, ${p.term_key}, ${p.term_mac})
      RETURNING true),
    new_events AS (${insertEventsSql(p)})
    SELECT (SELECT count(*) FROM new_records) = cardinality(${p.token})
       AND (SELECT count(*) FROM new_terms) = cardinality(${p.term}) ${isKept} AS done`
}

/**
 * PostgreSQL opens a table and its indexes for every INSERT, even without rows. So the INSERT is left out if there are
 * no keys.
 */
const INSERT_RECORDS = buildStatement('insert-records', RECORD_ARRAYS, (p) => insertRecordsSql(p))
const INSERT_WITH_KEYS = buildStatement('insert-records-with-keys', { ...RECORD_ARRAYS, ...IDEMPOTENCY_ARRAYS }, (p) =>
  insertRecordsSql(
    p,
    `new_idempotency AS (${insertIdempotencySql(p)} RETURNING true),`,
    `AND (SELECT count(*) FROM new_idempotency) = cardinality(${p.reserved_key_hash})`,
  ),
)

/**
 * Writes what any number of requests write (records, search terms, events, idempotency keys) in one statement and one
 * commit, all or nothing.
 *
 * @throws {DatabaseError} a unique violation on idempotency_keys_pkey if one of the requests was answered in the
 *   meantime
 */
export async function insertRecords(db: Queryable, writes: readonly NewRecords[]): Promise<undefined[]> {
  const rows = rowsOf(writes)
  await insertRows(db, rows, await numbersOf(db, rows))
  return writes.map(() => undefined)
}

/** A statement holds this many records, whether they come from one request or from many. */
const MOST_IN_ONE_STATEMENT = 256
/** More records go in parts of this size. It takes a millisecond to put a part into its statement. */
const PART = 64

/** Does the same for many records, in one transaction of several statements: between them other requests get a turn. */
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
  const arrays = {
    token: idArray(records.map((r) => r.token)),
    kind: smallintArray(records.map((r) => kindOf(r.kind))),
    site: smallintArray(records.map((r) => siteOf(r.site))),
    policy: integerArray(records.map((r) => policyOf(r.policyVersion ?? null))),
    consents: integerArray(records.map((r) => consentsOf(nameOfConsents(r.consents)))),
    display_key: smallintArray(records.map((r) => keyOf(r.display.keyId))),
    display_sealed: byteaArray(records.map((r) => r.display.bytes)),
    secret_key: smallintArray(records.map((r) => keyOf(r.secret.keyId))),
    secret_sealed: byteaArray(records.map((r) => r.secret.bytes)),
    terms: byteaArray(rows.map((row) => joinTerms(row.terms))),
    idempotency_hash: byteaArray(rows.map((row) => row.idempotencyHash)),
    created_at: timestampArray(rows.map((row) => row.now)),
    term: byteaArray(terms.map(termOf)),
    term_token: idArray(terms.map((term) => term.token)),
    term_key: smallintArray(terms.map(({ keyId }) => keyOf(keyId))),
    term_mac: byteaArray(terms.map((term) => term.mac)),
  }
  const write = (ofEvents: EventArrays) => {
    const values = { ...arrays, ...ofEvents }
    if (reserved.length === 0) return db.query<{ done: boolean }>(INSERT_RECORDS, INSERT_RECORDS.valuesOf(values))
    const withKeys = { ...values, ...idempotencyArrays(reserved, keyOf) }
    return db.query<{ done: boolean }>(INSERT_WITH_KEYS, INSERT_WITH_KEYS.valuesOf(withKeys))
  }
  requireDone(await writeEvents(db, [...rows.map(({ event }) => event), ...events], write))
}
