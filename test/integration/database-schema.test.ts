import pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { inspectDatabase } from '../../src/database/inspect.ts'
import { knownMigrations, migrate } from '../../src/database/migration/migrate.ts'
import { examineServer } from '../../src/database/vault-server.ts'
import { createTestDatabase, openTestDatabase, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { contact } from '../support/samples.ts'
import { dumpSchema } from '../support/schema-dump.ts'
import { TestVault } from '../support/test-vault.ts'

const { superuserUrl } = inject('cluster')

let database: TestDatabase
let ownerUrl: string
let serverRole: string

beforeEach(async () => {
  database = await createTestDatabase()
  ownerUrl = withDatabase(superuserUrl, database.name)
  serverRole = new URL(database.serverUrl).username
})
afterEach(() => database.drop())

const migrateTo = (schema: string | undefined, url = ownerUrl) => migrate({ ownerUrl: url, schema, serverRole })

/** The database with a schema in the place of public, for the tests to look into. */
function lookingAt(schema: string): TestDatabase {
  const url = new URL(ownerUrl)
  url.searchParams.set('options', `-c search_path="${schema}"`)
  return openTestDatabase({ ...database, superuserUrl: url.href, drop: async () => {} })
}

async function dump(schema: string): Promise<string> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    return await dumpSchema(client, schema)
  } finally {
    await client.end()
  }
}

async function startVault(schema: string): Promise<{ vault: TestVault; stop(): Promise<void> }> {
  const shown = lookingAt(schema)
  const vault = await TestVault.start({
    sharedDatabase: shown,
    config: { database: { schema }, keepsLog: true, runsRotations: true },
  })
  return {
    vault,
    async stop() {
      await vault.checkInvariants()
      await vault.stop()
      await shown.drop()
    },
  }
}

describe('migrate', () => {
  it.each(['vault', 'My-Vault', 'user', 'v'.repeat(63)])(
    'creates the schema %s, the same as public',
    async (schema) => {
      expect(await migrateTo(schema)).toEqual(knownMigrations)
      expect(await migrateTo(schema)).toEqual([])
      const named = /^[a-z_][a-z0-9_]*$/.test(schema) && schema !== 'user' ? schema : `"${schema}"`
      const made = (await dump(schema)).replace(`SCHEMA ${named}`, 'SCHEMA public').replaceAll(` ${named}.`, ' public.')
      expect(made).toBe(await dump('public'))
    },
  )

  it('pins functions that run with the owner’s rights to the schema, and names no other', async () => {
    await migrateTo('vault')
    const functions = await database.sql<{ config: string[]; source: string }>(
      `SELECT proconfig AS config, prosrc AS source FROM pg_proc
       WHERE prosecdef AND pronamespace = 'vault'::regnamespace`,
    )
    expect(functions.length).toBeGreaterThanOrEqual(2)
    for (const { config, source } of functions) {
      expect(config).toContain('search_path=pg_catalog, vault, pg_temp')
      expect(source).not.toContain('public')
    }
  })

  it('takes the current schema of the owner when none is named', async () => {
    await database.sql('DROP SCHEMA public CASCADE; CREATE SCHEMA mine')
    await database.sql(`ALTER DATABASE "${database.name}" SET search_path = nowhere, mine`)
    expect(await migrateTo(undefined)).toEqual(knownMigrations)
    expect(await database.sql(`SELECT to_regclass('mine.records') IS NOT NULL AS there`)).toEqual([{ there: true }])
    expect(await examineServer({ url: database.serverUrl })).toEqual({ faults: [], schema: 'mine' })
  })

  it('says in one sentence that there is no schema to create in', async () => {
    await database.sql(`ALTER DATABASE "${database.name}" SET search_path = nowhere`)
    await expect(migrateTo(undefined)).rejects.toThrow(/^the search path .* name one in DATABASE_SCHEMA\.$/)
  })

  it('says in one sentence that the current schema has a name that SQL text could not hold', async () => {
    await database.sql(`CREATE SCHEMA "it's"; ALTER DATABASE "${database.name}" SET search_path = "it's"`)
    await expect(migrateTo(undefined)).rejects.toThrow(/^the current schema has a name .* in DATABASE_SCHEMA\.$/)
  })

  it('says in one sentence that the role may not create the schema, and prints no statement', async () => {
    await expect(migrateTo('vault', database.serverUrl)).rejects.toThrow(
      /^the owner may not bring the schema "vault" up to date \(permission denied for database \w+\): name .*\.$/,
    )
  })
})

describe('the server', () => {
  it('finds the only vault there is, and asks where there are several', async () => {
    await database.sql('DROP SCHEMA public CASCADE')
    await migrateTo('first')
    expect(await examineServer({ url: database.serverUrl })).toEqual({ faults: [], schema: 'first' })
    await migrateTo('second')
    const { faults } = await examineServer({ url: database.serverUrl })
    expect(faults).toEqual([
      { code: 'database-schema', detail: expect.stringMatching(/first, second: name .* DATABASE_SCHEMA\.$/) },
    ])
    expect(await examineServer({ url: database.serverUrl, schema: 'second' })).toEqual({ faults: [], schema: 'second' })
  })

  it('stays with the vault in its current schema when another one is added', async () => {
    await migrateTo('second')
    expect(await examineServer({ url: database.serverUrl })).toEqual({ faults: [], schema: 'public' })
  })

  it('judges its own schema: rights on the log of another one are no fault of this one', async () => {
    await migrateTo('second')
    await database.sql(`GRANT UPDATE ON second.audit_events TO "${serverRole}"`)
    const facts = async (schema: string) => {
      const open = openDatabase({ url: database.serverUrl, schema, maxConnections: 1 })
      return inspectDatabase(open).finally(() => open.close())
    }
    expect(await facts('public')).toMatchObject({ migrations: knownMigrations, canRewriteAudit: false })
    expect(await facts('second')).toMatchObject({ migrations: knownMigrations, canRewriteAudit: true })
    expect(await facts('third')).toMatchObject({ migrations: [] })
  })
})

describe('two vaults in two schemas of one database', () => {
  it('work side by side: records, log, revocation and rotation', async () => {
    await migrateTo('second')
    const [first, second] = [await startVault('public'), await startVault('second')]
    try {
      const created = []
      for (const { vault } of [first, second]) {
        await expect.poll(async () => (await vault.call('GET', '/readyz')).status).toBe(200)
        const { contact: record } = await vault.tokenize({ policy_version: '2026-11-01', contact })
        created.push(record!.token!)
        expect(await vault.count('records')).toBe(1)
      }
      const support = await second.vault.clientToken(['token:read'], { role: 'support' })
      expect((await second.vault.call('GET', `/v1/tokens/${created[1]}`, { token: support })).status).toBe(200)
      expect((await second.vault.call('GET', `/v1/tokens/${created[0]}`, { token: support })).status).toBe(404)

      // Each puts its events into a log of its own, at the same time.
      for (const { vault } of [first, second]) {
        await expect.poll(() => vault.count('audit_leaves'), { timeout: 15_000 }).toBeGreaterThan(2)
      }
      const rotated = await Promise.all([first.vault.rotate(), second.vault.rotate()])
      for (const { vault } of [first, second]) expect(await vault.count('rotations')).toBeGreaterThan(0)
      expect(rotated.map(({ done }) => done)).toEqual([true, true])
    } finally {
      await second.stop()
      await first.stop()
    }
  }, 60_000)
})
