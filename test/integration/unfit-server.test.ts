import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migration/migrate.ts'
import { examineServer } from '../../src/database/vault-server.ts'
import { type OwnCluster, startOwnCluster } from '../support/own-cluster.ts'
import { type Pgbouncer, pgbouncerIsMissing, startPgbouncer } from '../support/pgbouncer.ts'
import { createDatabaseWithKeys, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'
import { without } from '../support/without.ts'

const { superuserUrl } = inject('cluster')
const roleOf = (url: string) => new URL(url).username
const ownerUrl = (database: TestDatabase) => withDatabase(superuserUrl, database.name)

/** What `migrate` says; a sentence that ends, and nothing of SQL or a stack. */
async function refusal(url: string, schema?: string): Promise<string> {
  const error = await migrate({ ownerUrl: url, schema, serverRole: roleOf(inject('cluster').serverUrl) }).then(
    () => expect.fail('it was migrated'),
    (error: Error) => error,
  )
  expect(error.message).toMatch(/^[^\n]+[:;,] [^\n]+\.$/)
  expect(error.message).not.toMatch(/CREATE TABLE|REVOKE ALL|\bselect\b/)
  return error.message
}

const codesAt = async (url: string) => (await examineServer({ url })).faults.map(({ code }) => code)

describe('a database of another encoding', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabaseWithKeys()
  })
  afterAll(() => database.drop())

  it.each(['SQL_ASCII', 'LATIN1', 'EUC_JP'])('is refused: %s', async (encoding) => {
    const name = `${database.name}_${encoding.toLowerCase()}`
    await database.sql(
      `CREATE DATABASE "${name}" ENCODING '${encoding}' LOCALE 'C' LOCALE_PROVIDER 'libc' TEMPLATE template0`,
    )
    try {
      const url = withDatabase(superuserUrl, name)
      expect(await codesAt(url)).toEqual(['database-encoding'])
      expect(await refusal(url)).toMatch(new RegExp(`"${name}" has the encoding ${encoding}, .*UTF8.*template0`))
    } finally {
      await database.sql(`DROP DATABASE "${name}" WITH (FORCE)`)
    }
  })
})

describe('a database that takes no writes', () => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createDatabaseWithKeys()
  })
  afterEach(() => database.drop())

  it('is refused while the database is read-only, and served afterwards', async () => {
    await database.sql(`ALTER DATABASE "${database.name}" SET default_transaction_read_only = on`)
    expect(await codesAt(database.serverUrl)).toEqual(['database-read-only'])
    expect(await refusal(ownerUrl(database))).toMatch(/is read-only .*default_transaction_read_only/)
    await database.sql('SET default_transaction_read_only = off')
    await database.sql(`SET transaction_read_only = off; ALTER DATABASE "${database.name}" RESET ALL`)
    expect(await codesAt(database.serverUrl)).toEqual([])
  })

  it('is refused when the role is read-only', async () => {
    const role = roleOf(database.serverUrl)
    await database.sql(`ALTER ROLE "${role}" IN DATABASE "${database.name}" SET default_transaction_read_only = on`)
    expect(await codesAt(database.serverUrl)).toEqual(['database-read-only'])
    expect(await codesAt(ownerUrl(database))).toEqual([])
  })
})

describe('a standby', () => {
  let cluster: OwnCluster
  beforeAll(async () => {
    cluster = await startOwnCluster()
  })
  afterAll(() => cluster.drop())

  it('is refused until it is promoted', async () => {
    const promote = await cluster.becomeStandby()
    expect(await codesAt(cluster.serverUrl)).toEqual(['database-standby'])
    expect(await refusal(cluster.serverUrl)).toMatch(/standby.*read-only: name the primary/)
    await promote()
    await expect.poll(() => codesAt(cluster.serverUrl)).toEqual([])
  })
})

const missing = pgbouncerIsMissing()

describe.skipIf(missing !== undefined)(`behind PgBouncer${without(missing)}`, () => {
  let database: TestDatabase
  let pooler: Pgbouncer | undefined
  const place = () => [database.serverUrl, ownerUrl(database)]
  beforeEach(async () => {
    database = await createDatabaseWithKeys()
    pooler = undefined
  })
  afterEach(async () => {
    await pooler?.stop()
    await database.drop()
  })

  it.each([
    ['transaction', {}],
    ['transaction', { default_pool_size: '1' }],
    ['transaction', { server_round_robin: '1', min_pool_size: '3' }],
    ['statement', {}],
  ] as const)('in %s mode is refused: %o', async (mode, options) => {
    pooler = await startPgbouncer(mode, place(), options)
    expect(await codesAt(pooler.through(database.serverUrl))).toEqual(['database-pooler'])
    expect(await refusal(pooler.through(ownerUrl(database)))).toMatch(/PgBouncer.*transaction .*pool_mode = session/)
  })

  it('in session mode works, with all settings of the vault', async () => {
    // One session of the server, which the pooler hands from client to client.
    pooler = await startPgbouncer('session', place(), { default_pool_size: '1' })
    await database.sql(`ALTER DATABASE "${database.name}" SET lock_timeout = '1h'`)
    const limits = {
      name: 'limits',
      text: `SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
               current_setting('idle_in_transaction_session_timeout') AS idle,
               current_setting('client_connection_check_interval') AS check,
               current_setting('tcp_keepalives_idle') AS keepalive, pg_backend_pid() AS pid`,
    }
    const pids: unknown[] = []
    for (const lockTimeoutMs of [undefined, 700]) {
      const url = pooler.through(database.serverUrl)
      const pool = openDatabase({ url, maxConnections: 1, lockTimeoutMs })
      const [row] = await pool.query<{ pid: number }>(limits).finally(() => pool.close())
      const lock = `${lockTimeoutMs ?? 1500}ms`
      expect(row).toMatchObject({ statement: '9500ms', lock, idle: '1min', check: '5s', keepalive: '30' })
      pids.push(row!.pid)
    }
    expect(pids[1]).toBe(pids[0])
    await pooler.stop()

    pooler = await startPgbouncer('session', place())
    await database.sql(`ALTER DATABASE "${database.name}" SET datestyle = 'German, DMY'`)
    const serverUrl = pooler.through(database.serverUrl)
    expect(await examineServer({ url: serverUrl })).toEqual({ faults: [], schema: 'public' })
    expect(await migrate({ ownerUrl: pooler.through(ownerUrl(database)), serverRole: roleOf(serverUrl) })).toEqual([])
    const vault = await TestVault.start({ sharedDatabase: { ...database, serverUrl }, config: { keepsLog: true } })
    try {
      const tokens = await vault.tokenize({ policy_version: '2026-11-01', contact })
      expect(tokens.contact!.token).toMatch(/./)
      await expect.poll(async () => (await vault.call('GET', '/readyz')).status).toBe(200)
    } finally {
      await vault.stop()
    }
  })
})
