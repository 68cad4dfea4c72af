import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type CallerStatus, createCallerStatuses } from '../../src/access/callers/caller-status.ts'
import type { AccessLedger } from '../../src/access/ledger/access-ledger.ts'
import { clientSubject } from '../../src/access/ledger/ledger-subject.ts'
import type { Caller } from '../../src/access/policy/caller.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

let testDatabase: TestDatabase
let database: Database
/** The names of the statements that were run since this was emptied. */
let asked: string[]
/** Holds the answer to every statement of that name until it resolves. */
let late: Record<string, Promise<void>>
let statusOf: (caller: Caller) => Promise<CallerStatus>

beforeEach(async () => {
  testDatabase = await createTestDatabase()
  database = openDatabase({ url: testDatabase.serverUrl, maxConnections: 4 })
  asked = []
  late = {}
  const watched: Database = {
    ...database,
    async query<Row>(...[statement, values]: Parameters<Database['query']>) {
      asked.push(statement.name)
      const rows = await database.query<Row>(statement, values)
      await late[statement.name]
      return rows
    },
  }
  const statuses = createCallerStatuses({ database: watched, ledger: LEDGER, tell: () => {} })
  statusOf = async (caller) => (await statuses.ask(caller)).status
  await testDatabase.sql(addClient('client_1'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await database.close()
  await testDatabase.drop()
})

/** A ledger that has both clients: these tests look at when the database is asked, and add clients without keys. */
const LEDGER: Pick<AccessLedger, 'settle'> = {
  settle: async (read) => ({
    answer: await read(),
    state: new Map(['client_1', 'client_2'].map((id) => [clientSubject(id), 'present'])),
  }),
}

const addClient = (id: string) =>
  `INSERT INTO clients (id, name, scopes, site, secret_hash, created_at) VALUES ('${id}', 'x', '{tokenize}', 'default', 'x', now())`
const REVOKE = `UPDATE clients SET revoked_at = now() WHERE id = 'client_1'`

const caller = (id: string, kind: Caller['kind'] = 'client'): Caller => ({
  id,
  kind,
  role: undefined,
  site: 'default',
  partnerId: undefined,
  confirmation: undefined,
  isTrial: undefined,
  scopes: new Set(),
  purposes: new Set(),
})
const client = caller('client_1')

/** What is asked when nothing may be taken from before. */
const EVERYTHING = ['select-access-version', 'select-caller-statuses']

describe('the status of a caller', () => {
  it('is asked once, and then only whether anything changed', async () => {
    const first = await statusOf(client)
    expect(first).toMatchObject({ isLive: true, isSuspended: false, partner: undefined, rolesRevision: 0 })
    expect(asked.splice(0)).toEqual(EVERYTHING)
    expect(await statusOf(client)).toEqual(first)
    expect(asked.splice(0)).toEqual(['select-access-version'])
    // An id that was not asked about yet; and a person of the same id is another caller.
    expect((await statusOf(caller('client_2'))).isLive).toBe(false)
    expect((await statusOf(caller('client_2', 'staff'))).isLive).toBe(true)
    expect(asked.splice(0)).toEqual([...EVERYTHING, ...EVERYTHING])
    expect(await Promise.all([statusOf(client), statusOf(caller('client_2'))])).toMatchObject([
      { isLive: true },
      { isLive: false },
    ])
    expect(asked).toEqual(['select-access-version'])
  })

  it.each([
    ['a client that is added', addClient('client_2')],
    ['a client that is revoked', REVOKE],
    ['a client that is deleted', `DELETE FROM clients WHERE id = 'client_1'`],
    ['clients that are emptied', 'TRUNCATE clients'],
    ['staff that are disabled', `INSERT INTO disabled_staff VALUES ('staff:mei', now())`],
    ['a caller that is suspended', `INSERT INTO suspended_callers VALUES ('client_1', 'support', '', now())`],
    ['a client that gets a partner', `INSERT INTO partner_clients VALUES ('client_1', 'partner_1')`],
    [
      'a contract that is made',
      `INSERT INTO partners (id, name, country, contact, purposes, fields, ends_at, created_at)
       VALUES ('partner_1', 'x', 'SG', 'x', '{}', '{}', now(), now())`,
    ],
    ['roles that are applied', `INSERT INTO role_sets VALUES (1, '{}', '', now())`],
  ])('is asked again after %s', async (_change, sql) => {
    await statusOf(client)
    await testDatabase.sql(sql)
    asked.length = 0
    await statusOf(client)
    expect(asked).toEqual(EVERYTHING)
  })

  it('follows a change of each of them', async () => {
    expect(await statusOf(client)).toMatchObject({ isLive: true, isSuspended: false, rolesRevision: 0 })
    await testDatabase.sql(`INSERT INTO suspended_callers VALUES ('client_1', 'support', '', now())`)
    expect(await statusOf(client)).toMatchObject({ isLive: true, isSuspended: true })
    await testDatabase.sql('TRUNCATE suspended_callers')
    expect(await statusOf(client)).toMatchObject({ isLive: true, isSuspended: false })
    await testDatabase.sql(`INSERT INTO role_sets VALUES (7, '{}', '', now())`)
    expect(await statusOf(client)).toMatchObject({ rolesRevision: 7 })
    await testDatabase.sql(REVOKE)
    expect(await statusOf(client)).toMatchObject({ isLive: false })
  })

  it('is asked again after a change that a replication wrote', async () => {
    await statusOf(client)
    await testDatabase.sql(`BEGIN; SET LOCAL session_replication_role = replica; ${REVOKE}; COMMIT`)
    expect(await statusOf(client)).toMatchObject({ isLive: false })
  })

  it('is another version once, however many rows a transaction changes', async () => {
    await testDatabase.sql(`
      CREATE SEQUENCE versions;
      CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN PERFORM nextval('versions'); RETURN NULL; END $$;
      CREATE TRIGGER counted AFTER UPDATE ON access_version FOR EACH ROW EXECUTE FUNCTION count_version()`)
    await testDatabase.sql(`BEGIN; ${addClient('client_2')}; ${addClient('client_3')}; ${REVOKE}; COMMIT`)
    expect(await testDatabase.sql('SELECT last_value::integer AS count, is_called FROM versions')).toEqual([
      { count: 1, is_called: true },
    ])
    await testDatabase.sql(addClient('client_4'))
    expect(await testDatabase.sql('SELECT last_value::integer AS count FROM versions')).toEqual([{ count: 2 }])
  })

  it('is refused while the version is gone, until the next change makes one', async () => {
    await statusOf(client)
    await testDatabase.sql('DELETE FROM access_version')
    await expect(statusOf(client)).rejects.toThrow('access_version has lost its row')
    await testDatabase.sql(REVOKE)
    expect(await statusOf(client)).toMatchObject({ isLive: false })
  })

  it('stays when a change is rolled back', async () => {
    await statusOf(client)
    await testDatabase.sql(`BEGIN; ${REVOKE}; ROLLBACK`)
    asked.length = 0
    expect(await statusOf(client)).toMatchObject({ isLive: true })
    expect(asked).toEqual(['select-access-version'])
  })

  it('is read again after ten seconds, even if the notification was suppressed', async () => {
    await statusOf(client)
    await testDatabase.sql('ALTER TABLE clients DISABLE TRIGGER ALL')
    await testDatabase.sql(REVOKE)
    const later = performance.now() + 10_001
    vi.spyOn(performance, 'now').mockReturnValue(later)
    expect(await statusOf(client)).toMatchObject({ isLive: false })
  })

  it('is forgotten when too many are remembered', async () => {
    await statusOf(client)
    for (let from = 0; from < 12_000; from += 3_000) {
      await Promise.all(Array.from({ length: 3_000 }, (_, at) => statusOf(caller(`client_many_${from + at}`))))
    }
    asked.length = 0
    await statusOf(client)
    expect(asked).toEqual(EVERYTHING)
  })

  it.each(EVERYTHING)('is not remembered from before a revocation that commits while %s is answered', async (name) => {
    const gate = Promise.withResolvers<void>()
    late[name] = gate.promise
    const early = statusOf(client)
    await expect.poll(() => asked).toContain(name)
    // Its answer may be read already; what it was asked after the revocation must not come from it.
    await testDatabase.sql(REVOKE)
    const after = statusOf(client)
    gate.resolve()
    await early
    expect(await after).toMatchObject({ isLive: false })
    expect(await statusOf(client)).toMatchObject({ isLive: false })
  })
})

it('a server can neither say that nothing has changed nor that something has', async () => {
  for (const text of [
    'UPDATE access_version SET version = gen_random_uuid()',
    'DELETE FROM access_version',
    'SELECT change_access_version()',
    'ALTER TABLE clients DISABLE TRIGGER ALL',
  ]) {
    await expect(database.query({ name: text, text }), text).rejects.toThrow('SQLSTATE 42501')
  }
})
