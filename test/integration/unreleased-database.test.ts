import pg from 'pg'
import { afterEach, beforeEach, expect, inject, it } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { inspectDatabase } from '../../src/database/inspect.ts'
import { knownMigrations, migrate } from '../../src/database/migration/migrate.ts'
import { LAST_UNRELEASED } from '../../src/database/migration/unreleased-migrations.ts'
import { findSchema } from '../../src/schema/accept-schema.ts'
import { dumpTables } from '../support/dump-tables.ts'
import { makeOldSchema } from '../support/old-vault.ts'
import { createTestDatabase, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { dumpSchema } from '../support/schema-dump.ts'

let database: TestDatabase
let ownerUrl: string

beforeEach(async () => {
  database = await createTestDatabase()
  ownerUrl = withDatabase(inject('cluster').superuserUrl, database.name)
  await database.sql('DROP SCHEMA IF EXISTS readable CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public')
})
afterEach(() => database.drop())

const makeOld = (last: string) => makeOldSchema({ last, ownerUrl, serverUrl: database.serverUrl })
const run = () => migrate({ ownerUrl, serverRole: new URL(database.serverUrl).username })

async function dump(): Promise<string> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    return await dumpSchema(client)
  } finally {
    await client.end()
  }
}

/** The rows of the vault's tables; what PostgreSQL counts of its sessions changes in the meantime. */
async function rows(): Promise<string[]> {
  return (await dumpTables(ownerUrl)).split('\n').filter((line) => line.startsWith('public.'))
}

const record = () => database.sql('SELECT name, batch, migration_time FROM migrations ORDER BY id')

it('that the last unreleased migration has made counts as made by the first one, and its record is written again once', async () => {
  await makeOld(LAST_UNRELEASED)
  const before = await dump()
  const [last] = await database.sql("SELECT migration_time FROM migrations WHERE name = '0032-rotation'")
  expect(await run()).toEqual(knownMigrations)
  const written = await record()
  expect(written[0]).toEqual({ name: knownMigrations[0], batch: 1, migration_time: last!.migration_time })
  expect(written.map(({ name }) => name)).toEqual(knownMigrations)
  // The kinds are the program's alone. Later migrations only add to what there was, and widen one check.
  const kept = before
    .replace(/^ {2}CONSTRAINT records_kind_check .*\n/m, '')
    .replace('outside_checkpoints_size_check CHECK ((size > 0))', 'outside_checkpoints_size_check CHECK ((size >= 0))')
    .split('\n')
  expect((await dump()).split('\n')).toEqual(expect.arrayContaining(kept))
  expect(await run()).toEqual([])
  expect(await record()).toEqual(written)
  // What migrations have changed step by step is what is made at once.
  const server = openDatabase({ url: database.serverUrl, maxConnections: 1 })
  const found = await findSchema(server).finally(() => server.close())
  expect(found).toMatchObject({ schema: found.shipped, differences: [], others: [] })
})

it.each(['0001-vault', '0013-approvals-and-names', '0027-release-locks'])(
  'that stopped at %s is refused in one sentence, and nothing of it is changed',
  async (last) => {
    await makeOld(last)
    const [schema, tables] = [await dump(), await rows()]
    const refused = await run().then(
      () => '',
      (error: Error) => error.message,
    )
    expect(refused).toMatch(/^the database is of a version before the first release [^\n]+\.$/)
    expect(refused).toContain(`(its last migration is ${last})`)
    expect([await dump(), await rows()]).toEqual([schema, tables])
  },
)

it.each(['0028-months-and-vacuum', '0029-dictionary', '0031-lean-events'])(
  'that stopped at %s becomes what the first migration makes',
  async (last) => {
    await makeOld(last)
    expect(await run()).toEqual(knownMigrations)
    expect((await record()).map(({ name }) => name)).toEqual(knownMigrations)
    const server = openDatabase({ url: database.serverUrl, maxConnections: 1 })
    const found = await findSchema(server).finally(() => server.close())
    expect(found).toMatchObject({ schema: found.shipped, differences: [], others: [] })
  },
)

it('that is none of a vault is not quoted', async () => {
  await database.sql(
    `CREATE TABLE migrations (id serial PRIMARY KEY, name text); INSERT INTO migrations (name) VALUES (E'20200101 a; b\\n')`,
  )
  await expect(run()).rejects.toThrow('(its last migration is ?)')
})

it('that is older can be examined', async () => {
  await makeOld('0001-vault')
  const server = openDatabase({ url: database.serverUrl, maxConnections: 1 })
  const facts = await inspectDatabase(server).finally(() => server.close())
  expect(facts).toMatchObject({ migrations: ['0001-vault'], activeKeys: [] })
})

it('has a name in the registry that every later migration comes after', () => {
  const later = knownMigrations.slice(1)
  expect(later).toEqual(later.toSorted())
  for (const name of later) expect(name > LAST_UNRELEASED, name).toBe(true)
})
