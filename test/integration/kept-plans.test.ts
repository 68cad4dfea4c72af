import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { rememberProofs } from '../../src/access/callers/presumption-store.ts'
import { selectCallerStatuses } from '../../src/access/ledger/caller-store.ts'
import { reserveUnits, settleUnits } from '../../src/access/limits/counter-store.ts'
import type { Presumption } from '../../src/access/policy/presumption.ts'
import { insertEvents } from '../../src/audit/event/audit-store.ts'
import { inBook } from '../../src/audit/event/event-book.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { leaveOutRecord } from '../../src/audit/event/unfinished-event.ts'
import { findOldestWaiting, selectPlacedEvents } from '../../src/audit/log/log-store.ts'
import { type Database, openDatabase, type Queryable } from '../../src/database/database.ts'
import { findIdempotencyRows } from '../../src/records/idempotency/idempotency-store.ts'
import type { Token } from '../../src/records/record/token.ts'
import { releaseRecords } from '../../src/records/reveal/release-store.ts'
import { commitMatches } from '../../src/records/search/search-store.ts'
import { insertRecords } from '../../src/records/tokenize/tokenize-store.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { bookOfNoVault } from '../support/event-books.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

/** How often PostgreSQL plans a statement for its values before it compares that with a generic plan (plancache.c). */
const TRIED = 5

const now = () => new Date()
const random = createRandomBytes()
const newId = createNewId(now, random)
const newAuditEvent = inBook(bookOfNoVault(), createNewAuditEvent(now, newId))
const nobodys = (): Token => newId('card') as Token

const limit = { table: 'rate_limits', most: 10, windowMs: 1_000 } as const

/** What a single request asks of the database, by the name of the statement. */
const requests: Record<string, (db: Queryable) => Promise<unknown>> = {
  'select-caller-statuses': (db) => selectCallerStatuses(db, [{ id: newId('client'), kind: 'client' }]),
  'reserve-rate_limits': (db) => reserveUnits(db, limit, [{ key: newId('client'), wanted: 1 }], Date.now()),
  'settle-rate_limits': (db) => {
    const settlement = { key: newId('client'), released: 1, counted: 1, endsAt: Date.now() }
    return settleUnits(db, limit, [settlement], Date.now())
  },
  'select-idempotency-keys': (db) => findIdempotencyRows(db, [{ keyHashes: [randomBytes(32)], now: now() }]),
  'insert-records': (db) => insertRecords(db, [{ now: now(), records: [newRecord()] }]),
  'insert-records-with-keys': (db) =>
    insertRecords(db, [{ now: now(), records: [newRecord()], idempotency: reserved() }]),
  'insert-records-with-proofs': (db) =>
    insertRecords(db, [{ now: now(), records: [newRecord()], presumption: presumption() }]),
  'insert-records-with-proofs-and-keys': (db) =>
    insertRecords(db, [{ now: now(), records: [newRecord()], presumption: presumption(), idempotency: reserved() }]),
  'remember-jtis': (db) => rememberProofs(db, [presumption()]),
  'select-records-to-release': (db) => releaseRecords(db, [release()], true),
  'commit-matches': (db) =>
    commitMatches(db, [{ now: now(), events: [], records: [{ token: nobodys(), version: 1, consents: [] }] }], true),
  'commit-matches-and-keep': (db) =>
    commitMatches(
      db,
      [{ now: now(), events: [], records: [{ token: nobodys(), version: 1, consents: [] }], idempotency: reserved() }],
      true,
    ),
  'commit-matches-with-proofs': (db) =>
    commitMatches(
      db,
      [
        {
          now: now(),
          events: [],
          records: [{ token: nobodys(), version: 1, consents: [] }],
          presumption: presumption(),
        },
      ],
      true,
    ),
  'find-differing-audit-events': (db) => insertEvents(db, [newAuditEvent({ type: 'record.read', outcome: 'success' })]),
}

/** Of a call that came with a proof. */
function presumption(): Presumption {
  return { jti: { id: randomBytes(32), expiresAt: now() }, isProven: false }
}

function newRecord() {
  const sealed = { keyId: 'key_none', bytes: randomBytes(200) }
  const token = nobodys()
  const at = { createdAt: now(), updatedAt: now() }
  const about = { site: 'default', version: 1, policyVersion: undefined, consents: [] }
  const event = newAuditEvent({ type: 'record.tokenize', outcome: 'success', site: 'default', token })
  return {
    record: { token, kind: 'card' as const, ...about, display: sealed, secret: sealed, ...at },
    terms: [{ hash: randomBytes(32), keyId: 'key_none', mac: randomBytes(32) }],
    event,
  }
}

function release() {
  const event = leaveOutRecord(newAuditEvent, { type: 'record.reveal', outcome: 'success' })
  const about = { kind: 'card', site: 'default', policyVersion: undefined, consents: [] } as const
  const record = { token: nobodys(), version: 1, createdAt: now(), updatedAt: now(), ...about, consents: [] }
  return { site: 'default', now: now(), records: [{ record, event }] }
}

function reserved() {
  const hashes = { keyHash: randomBytes(32), requestHash: randomBytes(32), indexKeyId: 'key_none' }
  return { ...hashes, response: undefined, expiresAt: new Date(Date.now() + 60_000), also: [] }
}

let database: TestDatabase
/** One session, for plans are kept by each for itself. */
let db: Database
beforeAll(async () => {
  database = await createTestDatabase()
  // The database accepts what is under active keys.
  await database.sql(
    "INSERT INTO keys (id, purpose, state, root_key_id, created_at) VALUES ('key_none', 'index', 'active', 'root', now())",
  )
  await database.sql("SELECT make_terms_partition('key_none')")
})
beforeEach(() => {
  db = openDatabase({ url: database.serverUrl, maxConnections: 1 })
  return () => db.close()
})
afterAll(() => database.drop())

it.each(Object.entries(requests))('%s of one request is not planned again and again', async (name, request) => {
  for (let run = 0; run < TRIED + 10; run++) await request(db)
  const [plans] = await db.query(
    { name: 'plans', text: 'SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE name = $1' },
    [name],
  )
  expect(plans).toEqual({ custom_plans: String(TRIED), generic_plans: '10' })
})

/** The repeated questions of keeping the log. */
const looks: Record<string, (db: Queryable) => Promise<unknown>> = {
  'select-placed-audit-events': (db) => selectPlacedEvents(db, 0, [{ from: 0, to: 10 }], 2_000),
  'select-oldest-unsequenced-event': (db) => findOldestWaiting(db),
}

it('a plan that was made while the vault was empty reads no whole table when it has grown', async () => {
  await database.sql('TRUNCATE records, search_terms, idempotency_keys, audit_events, audit_leaves')
  const all = { ...requests, ...looks }
  for (const request of Object.values(all)) for (let run = 0; run < TRIED + 1; run++) await request(db)
  const many = Array.from({ length: 500 }, () => ({ now: now(), records: [newRecord()], idempotency: reserved() }))
  await insertRecords(db, many)
  await database.sql(
    `INSERT INTO readable.audit_leaves SELECT row_number() OVER (ORDER BY position) - 1, id, sha256(id::bytea) FROM readable.audit_events`,
  )
  for (const [name, request] of Object.entries(all)) {
    // What was counted before is put away first, or it would be counted here.
    await db.query({ name: 'flush', text: 'SELECT pg_stat_force_next_flush()' })
    const whole = await db.transaction(async (tx) => {
      await request(tx)
      return tx.query<{ relname: string }>({
        name: 'read-whole',
        text: `SELECT relname FROM pg_stat_xact_user_tables
               WHERE seq_scan > 0 AND (relname IN ('records', 'idempotency_keys', 'audit_leaves') OR relname LIKE 'search_terms%')`,
      })
    })
    expect(whole, name).toEqual([])
  }
})
