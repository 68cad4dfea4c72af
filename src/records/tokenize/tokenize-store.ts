import {
  haveJti,
  PRESUMED_ARRAYS,
  PRESUMED_WITH_JTI_ARRAYS,
  presumedArrays,
  presumedWithJtiArrays,
  provenSql,
  provenWithJtiSql,
  settlePresumed,
} from '../../access/callers/presumption-store.ts'
import type { Presumption } from '../../access/policy/presumption.ts'
import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { EVENT_ARRAYS, type EventArrays, insertEventsOfSql, writeEvents } from '../../audit/event/audit-store.ts'
import { byteaArray, integerArray, smallintArray, timestampArray } from '../../database/binary-array.ts'
import { type BuiltStatement, buildStatement, type Parameters } from '../../database/build-statement.ts'
import type { Database, Queryable, Statement, Transaction } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { nameOfConsents } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import { giveWay } from '../../values/time-slice.ts'
import {
  IDEMPOTENCY_ARRAYS,
  type IdempotencyRow,
  idempotencyArrays,
  insertReleasedIdempotencySql,
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
  /** What must hold of the caller; nothing is written otherwise. */
  presumption?: Presumption | undefined
  now: Date
  records: readonly NewRecord[]
  /** Events beside the records' own. */
  events?: readonly AuditEvent[]
  idempotency?: IdempotencyRow | undefined
}

/** The arrays of what every such statement writes; the last of each table is of the calls that its rows belong to. */
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
  record_call: 'integer[]',
  term: 'bytea[]',
  term_token: 'uuid[]',
  term_key: 'smallint[]',
  term_mac: 'bytea[]',
  term_call: 'integer[]',
  ...EVENT_ARRAYS,
  event_call: 'integer[]',
} as const
const KEY_ARRAYS = { ...IDEMPOTENCY_ARRAYS, reserved_call: 'integer[]' } as const

const IS_PROVEN = 'call IN (SELECT call FROM proven)'

/**
 * Writes only what belongs to calls that are proven, and answers with how much that is.
 *
 * @param proven the CTE of that name
 * @param idempotency what else is written, with a comma after it
 * @param present the calls that are of the present version of access, where that says more than which are proven
 */
function insertRecordsSql(
  p: Parameters<typeof RECORD_ARRAYS>,
  proven: string,
  { idempotency = '', present = 'NULL::integer[]' } = {},
): string {
  return `WITH
    ${proven},
    new_records AS (
      INSERT INTO records (token, kind, site, version, policy, consents, display_key, display_sealed,
                           secret_key, secret_sealed, terms, idempotency_hash, created_at)
      SELECT token, kind, site, 1, policy, consents, display_key, display_sealed,
             secret_key, secret_sealed, terms, idempotency_hash, created_at
      FROM unnest(${p.token}, ${p.kind}, ${p.site}, ${p.policy}, ${p.consents}, ${p.display_key}, ${p.display_sealed},
                  ${p.secret_key}, ${p.secret_sealed}, ${p.terms}, ${p.idempotency_hash}, ${p.created_at}, ${p.record_call})
        AS n (token, kind, site, policy, consents, display_key, display_sealed, secret_key, secret_sealed,
              terms, idempotency_hash, created_at, call)
      WHERE ${IS_PROVEN}
      RETURNING true),
    ${idempotency}
    new_terms AS (
      INSERT INTO search_terms (term, token, key, mac)
      SELECT term, token, key, mac FROM unnest(${p.term}, ${p.term_token}, ${p.term_key}, ${p.term_mac}, ${p.term_call})
        AS n (term, token, key, mac, call)
      WHERE ${IS_PROVEN}
      RETURNING true),
    new_events AS (${insertEventsOfSql(p, p.event_call, IS_PROVEN)})
    SELECT (SELECT count(*) FROM new_records)::integer AS records, (SELECT count(*) FROM new_terms)::integer AS terms,
           ${idempotency === '' ? '0' : '(SELECT count(*) FROM new_idempotency)::integer'} AS reserved,
           ARRAY(SELECT call FROM proven) AS proven, ${present} AS present`
}

const insertKeysSql = (p: Parameters<typeof KEY_ARRAYS>) =>
  `new_idempotency AS (${insertReleasedIdempotencySql(p, p.reserved_call, 'release IN (SELECT call FROM proven)')} RETURNING true),`

const PRESENT = 'ARRAY(SELECT call FROM present)'
const PLAIN = { ...PRESUMED_ARRAYS, ...RECORD_ARRAYS } as const
const WITH_PROOFS = { ...PRESUMED_WITH_JTI_ARRAYS, ...RECORD_ARRAYS } as const

/** PostgreSQL opens a table and its indexes for every INSERT, even without rows. So an INSERT is left out if it has no rows. */
const INSERT_RECORDS = {
  plain: buildStatement('insert-records', PLAIN, (p) => insertRecordsSql(p, provenSql(p))),
  withKeys: buildStatement('insert-records-with-keys', { ...PLAIN, ...KEY_ARRAYS }, (p) =>
    insertRecordsSql(p, provenSql(p), { idempotency: insertKeysSql(p) }),
  ),
  withProofs: buildStatement('insert-records-with-proofs', WITH_PROOFS, (p) =>
    insertRecordsSql(p, provenWithJtiSql(p), { present: PRESENT }),
  ),
  withBoth: buildStatement('insert-records-with-proofs-and-keys', { ...WITH_PROOFS, ...KEY_ARRAYS }, (p) =>
    insertRecordsSql(p, provenWithJtiSql(p), { idempotency: insertKeysSql(p), present: PRESENT }),
  ),
}

/** What a call runs that comes without an idempotency key. */
export const FIRST_INSERTS: readonly BuiltStatement[] = [INSERT_RECORDS.plain, INSERT_RECORDS.withProofs]

interface WrittenAnswer {
  records: number
  terms: number
  reserved: number
  /** The calls whose rows were written. */
  proven: readonly number[]
  present: readonly number[] | null
}

/** For each request why nothing of it was written; undefined if all of it was. */
type WriteFaults = (Error | undefined)[]

/**
 * Writes what any number of requests write (records, search terms, events, idempotency keys) in one statement and one commit: all
 * of a request, or nothing if its caller is not what the request presumes.
 *
 * @throws {DatabaseError} a unique violation on idempotency_keys_pkey if one of the requests was answered in the
 *   meantime; then nothing was written
 */
export async function insertRecords(db: Queryable, writes: readonly NewRecords[]): Promise<WriteFaults> {
  const rows = rowsOf(writes)
  return insertRows(db, rows, await numbersOf(db, rows))
}

/** A statement holds this many records, whether they come from one request or from many. */
const MOST_IN_ONE_STATEMENT = 256
/** More records go in parts of this size. It takes a millisecond to put a part into its statement. */
const PART = 64

/** Does the same for many records, in one transaction of several statements: between them other requests get a turn. */
export async function insertManyRecords(database: Database, writes: readonly NewRecords[]): Promise<WriteFaults> {
  const { rows, ...beside } = rowsOf(writes)
  if (rows.length <= MOST_IN_ONE_STATEMENT) return insertRecords(database, writes)
  // New names commit at once: others who need one do not wait for the transaction.
  const numbers = await numbersOf(database, { rows, ...beside })
  await database.transaction(async (tx) => {
    // The idempotency key comes first: a request that finds it taken has little to undo.
    for (let at = 0; at < rows.length; at += PART) {
      if (at > 0) await giveWay()
      const others = at === 0 ? beside : { ...beside, events: [], reserved: [] }
      const fault = (await insertRows(tx, { rows: rows.slice(at, at + PART), ...others }, numbers)).find(Boolean)
      if (fault !== undefined) throw fault
    }
  })
  return writes.map(() => undefined)
}

function rowsOf(writes: readonly NewRecords[]): NewRows {
  return {
    rows: writes.flatMap(({ records, idempotency, now }, call) =>
      records.map((row) => ({ ...row, idempotencyHash: idempotency?.keyHash ?? null, now, call })),
    ),
    events: writes.flatMap(({ events = [] }, call) => events.map((event) => ({ event, call }))),
    reserved: reservedRows(writes.map((write, call) => ({ ...write, call }))),
    presumed: writes.map(({ presumption }) => presumption),
  }
}

interface NewRows {
  rows: readonly (NewRecord & { idempotencyHash: Buffer | null; now: Date; call: number })[]
  /** Events beside the records' own. */
  events: readonly { event: AuditEvent; call: number }[]
  reserved: ReturnType<typeof reservedRows<NewRecords & { call: number }>>
  /** What must hold of the caller of each call. */
  presumed: readonly (Presumption | undefined)[]
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
  { rows, events, reserved, presumed }: NewRows,
  numbers: Awaited<ReturnType<typeof numbersOf>>,
): Promise<WriteFaults> {
  const { kindOf, siteOf, policyOf, consentsOf, keyOf } = numbers
  const terms = rows.flatMap(({ record, terms, call }) => terms.map((term) => ({ ...term, token: record.token, call })))
  const records = rows.map(({ record }) => record)
  const written = [...rows, ...events]
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
    record_call: integerArray(rows.map((row) => row.call)),
    term: byteaArray(terms.map(termOf)),
    term_token: idArray(terms.map((term) => term.token)),
    term_key: smallintArray(terms.map(({ keyId }) => keyOf(keyId))),
    term_mac: byteaArray(terms.map((term) => term.mac)),
    term_call: integerArray(terms.map(({ call }) => call)),
    event_call: integerArray(written.map(({ call }) => call)),
  }
  const keys = () => ({
    ...idempotencyArrays(reserved, keyOf),
    reserved_call: integerArray(reserved.map(({ write }) => write.call)),
  })
  const run = async (ofEvents: EventArrays, on: Queryable): Promise<WrittenAnswer> => {
    const rest = { ...arrays, ...ofEvents }
    const { plain, withKeys, withProofs, withBoth } = INSERT_RECORDS
    const query = async (statement: Statement, values: unknown[]) =>
      (await on.query<WrittenAnswer>(statement, values))[0]!
    if (!haveJti(presumed)) {
      const values = { ...rest, ...presumedArrays(presumed) }
      if (reserved.length === 0) return query(plain, plain.valuesOf(values))
      return query(withKeys, withKeys.valuesOf({ ...values, ...keys() }))
    }
    const values = { ...rest, ...presumedWithJtiArrays(presumed) }
    if (reserved.length === 0) return query(withProofs, withProofs.valuesOf(values))
    return query(withBoth, withBoth.valuesOf({ ...values, ...keys() }))
  }
  const answer = await writeEvents(
    db,
    written.map(({ event }) => event),
    run,
    ({ proven }, place) => proven.includes(written[place]!.call),
  )
  requireWritten(answer, { rows, terms, reserved })
  const { proven, present } = answer
  return settlePresumed(
    presumed,
    (call) => proven.includes(call),
    (call) => (present ?? proven).includes(call),
  )
}

/** Of the calls that are proven everything was written, as far as the answer of the statement says. */
function requireWritten(
  { proven, ...written }: WrittenAnswer,
  sent: Record<'rows' | 'terms', readonly { call: number }[]> & Pick<NewRows, 'reserved'>,
): void {
  const count = (calls: readonly { call: number }[]) => calls.filter(({ call }) => proven.includes(call)).length
  const done =
    written.records === count(sent.rows) &&
    written.terms === count(sent.terms) &&
    written.reserved === count(sent.reserved.map(({ write }) => write))
  requireDone([{ done }])
}
