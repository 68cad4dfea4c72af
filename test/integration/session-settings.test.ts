import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { type Database, openDatabase, type Statement } from '../../src/database/database.ts'
import { knownMigrations, migrate } from '../../src/database/migration/migrate.ts'
import { settingsFor } from '../../src/database/session-settings.ts'
import { createTestDatabase, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const { superuserUrl } = inject('cluster')

/** What an administrator may have chosen for other programs, each of which broke or could break the vault. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  DateStyle: 'German, DMY',
  IntervalStyle: 'iso_8601',
  TimeZone: 'Pacific/Kiritimati',
  client_encoding: 'LATIN1',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  array_nulls: 'off',
  quote_all_identifiers: 'on',
  search_path: 'elsewhere, public, pg_catalog',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  statement_timeout: '50ms',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '1ms',
  idle_session_timeout: '1s',
  transaction_timeout: '1s',
  client_connection_check_interval: '0',
  tcp_keepalives_idle: '7200',
  tcp_keepalives_interval: '75',
  tcp_keepalives_count: '9',
}

let database: TestDatabase
let opened: Database[]

beforeEach(async () => {
  database = await createTestDatabase()
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map((one) => one.close()))
  await database.drop()
})

function open(): Database {
  const one = openDatabase({ url: database.serverUrl, maxConnections: 1 })
  opened.push(one)
  return one
}

/** For new sessions of the database, or of one role in it, whose settings come first. */
async function setElsewhere(names: readonly string[], role?: string): Promise<void> {
  const target = role === undefined ? `DATABASE "${database.name}"` : `ROLE "${role}" IN DATABASE "${database.name}"`
  const values = names.map((name) => {
    const value = ELSEWHERE[name]!
    return `ALTER ${target} SET ${name} = ${name === 'search_path' ? value : `'${value}'`};`
  })
  await database.sql(`CREATE SCHEMA IF NOT EXISTS elsewhere; ${values.join('')}`)
}

const CURRENT: Statement = {
  name: 'current-settings',
  text: `SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY ($1)`,
}

async function currentSettings(db: Pick<Database, 'query'>): Promise<Record<string, string>> {
  const rows = await db.query<{ name: string; value: string }>(CURRENT, [Object.keys(ELSEWHERE)])
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}

/** As PostgreSQL shows them. */
const OURS = {
  ...settingsFor({ schema: 'public' }),
  statement_timeout: '9500ms',
  lock_timeout: '1500ms',
  client_connection_check_interval: '5s',
  idle_in_transaction_session_timeout: '1min',
}

describe('the settings of the vault’s sessions', () => {
  it('are all tried below', () => {
    expect(Object.keys(ELSEWHERE).sort()).toEqual(Object.keys(settingsFor({ schema: 'public' })).sort())
  })

  it.each(['database', 'role'])('are its own, over any setting of the %s', async (place) => {
    await setElsewhere(Object.keys(ELSEWHERE), place === 'role' ? new URL(database.serverUrl).username : undefined)
    expect(await currentSettings(open())).toEqual(OURS)
  })

  it('leave the search path to the schema of the vault, with temporary tables last', async () => {
    const [row] = await open().query<{ path: string }>({ name: 'path', text: `SHOW search_path` })
    expect(Object.values(row!)).toEqual(['"public", pg_temp'])
  })
})

describe('a statement in the server', () => {
  const LIMIT: Statement = { name: 'limit', text: `SELECT current_setting('statement_timeout') AS now` }
  const limitOf = async (db: Pick<Database, 'query'>, timeoutMs?: number) => {
    const statement = timeoutMs === undefined ? LIMIT : { ...LIMIT, timeoutMs }
    return (await db.query<{ now: string }>(statement))[0]!.now
  }

  it('ends half a second before its client gives up, and the next one when it is usual', async () => {
    const db = open()
    expect(await limitOf(db)).toBe('9500ms')
    expect(await limitOf(db, 600_000)).toBe('599500ms')
    expect(await limitOf(db, 100)).toBe('9500ms')
  })

  it('has its limit also after a transaction that was rolled back', async () => {
    const db = open()
    const work = db.transaction(async (tx) => {
      expect(await limitOf(tx, 600_000)).toBe('599500ms')
      throw new Error('rolled back')
    })
    await expect(work).rejects.toThrow('rolled back')
    expect(await limitOf(db, 600_000)).toBe('599500ms')
    expect(await limitOf(db)).toBe('9500ms')
  })

  it('that fails for a reason of its own leaves the usual limit to the next', async () => {
    const db = open()
    const failing = { name: 'failing', text: 'SELECT 1 / (random() * 0)::integer', timeoutMs: 600_000 }
    await expect(db.query(failing)).rejects.toMatchObject({ sqlState: '22012' })
    expect(await limitOf(db)).toBe('9500ms')
  })

  it('that is ended for its time means that the vault is busy, and its session stays', async () => {
    const db = open()
    const which = { name: 'which', text: 'SELECT pg_backend_pid() AS pid' }
    const before = await db.query(which)
    await db.query({ name: 'shorten', text: `SELECT set_config('statement_timeout', '1s', false)` })
    await expect(db.query({ name: 'sleep', text: 'SELECT pg_sleep(60)' })).rejects.toMatchObject({
      code: 'busy',
      kind: 'unavailable',
    })
    expect(await db.query(which)).toEqual(before)
  })

  it('waits for a lock as long as the vault or the statement says', async () => {
    const db = open()
    const limit: Statement = { name: 'lock-limit', text: `SELECT current_setting('lock_timeout') AS now` }
    const lockLimitOf = async (statement: Statement) => (await db.query<{ now: string }>(statement))[0]!.now
    expect(await lockLimitOf(limit)).toBe('1500ms')
    expect(await lockLimitOf({ ...limit, lockTimeoutMs: 10_000 })).toBe('10s')
    expect(await lockLimitOf(limit)).toBe('1500ms')
  })
})

describe('a vault', () => {
  it.each(['DateStyle', 'statement_timeout', 'search_path'])(
    'works where the database has another %s',
    async (name) => {
      await setElsewhere([name])
      await expectWorkingVault()
    },
  )

  it('works where all of them are others', async () => {
    await setElsewhere(Object.keys(ELSEWHERE))
    await expectWorkingVault()
  })

  async function expectWorkingVault(): Promise<void> {
    const vault = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true } })
    try {
      const { contact: created } = await vault.tokenize({ policy_version: '2026-11-01', contact })
      const support = await vault.clientToken(['token:read'], { role: 'support' })
      const read = await vault.call('GET', `/v1/tokens/${created!.token}`, { token: support })
      expect(read.status, read.text).toBe(200)
      expect(read.body.created_at).toMatch(/^20\d\d-\d\d-\d\dT/)
      const clients = await vault.commands.listClients()
      for (const { created_at } of clients) expect(created_at).not.toBeNull()
      await expect.poll(async () => (await vault.call('GET', '/readyz')).status).toBe(200)
      await expect.poll(() => vault.count('audit_leaves'), { timeout: 15_000 }).toBeGreaterThan(2)
    } finally {
      await vault.stop()
    }
  }
})

it('does not use tables of a schema that the role would search first', async () => {
  const role = new URL(database.serverUrl).username
  await setElsewhere(['search_path'], role)
  await database.sql(`
    GRANT USAGE ON SCHEMA elsewhere TO "${role}";
    CREATE TABLE elsewhere.settings (LIKE public.settings INCLUDING ALL);
    CREATE FUNCTION elsewhere.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
    GRANT ALL ON elsewhere.settings TO "${role}"`)
  const db = open()
  await db.query({ name: 'write', text: `INSERT INTO settings (name, value) VALUES ('led', now()::text)` })
  const rows = (schema: string) => database.sql(`SELECT name FROM ${schema}.settings WHERE name = 'led'`)
  expect([await rows('public'), await rows('elsewhere')]).toEqual([[{ name: 'led' }], []])
})

describe('migrate', () => {
  it('works where all of them are others, idle transactions among them', async () => {
    await setElsewhere(Object.keys(ELSEWHERE).filter((name) => name !== 'search_path'))
    await database.sql('DROP SCHEMA public CASCADE')
    const ownerUrl = withDatabase(superuserUrl, database.name)
    const serverRole = new URL(database.serverUrl).username
    expect(await migrate({ ownerUrl, schema: 'public', serverRole })).toEqual(knownMigrations)
  })
})
