import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { knownMigrations, migrate } from '../../src/database/migration/migrate.ts'
import { changeRegistry, type RegistryChange } from '../../src/keys/registry/registry.ts'
import { findSchema } from '../../src/schema/accept-schema.ts'
import { examineSchema } from '../../src/start/doctor/examine-schema.ts'
import { createDatabaseWithKeys, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { runTask } from '../support/run-task.ts'
import { dumpShippedSchema, SHIPPED_NAME } from '../support/shipped-schema.ts'
import { TestVault } from '../support/test-vault.ts'
import { withVaultKeys } from '../support/vault-keys.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let database: TestDatabase
let vault: TestVault

beforeAll(async () => {
  database = await createDatabaseWithKeys()
  vault = await TestVault.start({ sharedDatabase: database })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await vault.stop()
  await database.drop()
})

function openAs(url: string, schema?: string) {
  return openDatabase({ url, schema, maxConnections: 1 })
}
async function find(url = database.serverUrl, schema?: string) {
  const open = openAs(url, schema)
  return findSchema(open).finally(() => open.close())
}
/** What `doctor` says, with the marks of the manifest or without the root key. */
async function findings(marks: readonly string[] | undefined) {
  const open = openAs(database.serverUrl)
  return examineSchema(open, marks).finally(() => open.close())
}
const migrateTo = (schema: string) =>
  migrate({
    ownerUrl: withDatabase(inject('cluster').superuserUrl, database.name),
    serverRole: new URL(database.serverUrl).username,
    schema,
  })
const status = async (on = vault) => (await on.call('GET', '/readyz')).body
const look = () => runTask(vault, 'watch-database-schema')
const migrations = () => vault.events({ type: 'migrate' })

/** Changes what the manifest remembers, as another process of the vault would. */
const change = (work: (change: RegistryChange) => void) =>
  withVaultKeys(vault, (deps) => changeRegistry(deps, OPERATOR, async (draft) => work(draft)))
const marks = () => withVaultKeys(vault, async ({ keys }) => keys.verified.marks)

it('the shipped schema is the one that the migrations make', async () => {
  const file = path.join(import.meta.dirname, '../../src/schema/shipped-schema.json')
  await migrateTo(SHIPPED_NAME)
  const dump = await dumpShippedSchema(database.serverUrl)
  expect(dump, 'src/schema/shipped-schema.json is of another schema: run npm run db:schema').toBe(
    readFileSync(file, 'utf8'),
  )
})

it.each(['v', 'version', 'month', 'a-b', 'TO'])(
  'a vault in a schema with the name %s has no difference',
  async (name) => {
    await migrateTo(name)
    expect(await find(database.serverUrl, name)).toMatchObject({ differences: [], others: [] })
  },
)

describe('what ordinary installations have', () => {
  const role = () => `reader_${database.name}`
  const owner = () => `owner_${database.name}`
  afterAll(() => database.sql(`DROP OWNED BY ${role()}, ${owner()}; DROP ROLE ${role()}, ${owner()}`))

  it('besides the schema of the vault is not a difference', async () => {
    await database.sql(`
      CREATE ROLE ${role()}; CREATE ROLE ${owner()};
      CREATE SCHEMA shop;
      CREATE TABLE shop.orders (id text PRIMARY KEY);
      CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE TRIGGER note BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.note();
      GRANT ALL ON shop.orders TO ${role()};
      CREATE VIEW shop.cards AS SELECT token FROM records`)
    for (const extension of ['pg_stat_statements', 'citext', 'pgcrypto', 'intarray', 'earthdistance CASCADE']) {
      await database.sql(`CREATE EXTENSION ${extension}`)
    }
    expect(await find()).toMatchObject({ differences: [], others: [] })
  })

  it('of partitions, settings of tables and owners is not a difference', async () => {
    const id = (month: string) => `audit_event_id_at('${month}')`
    await database.sql(`
      DO $$ BEGIN EXECUTE format('CREATE TABLE audit_events_2031_01 PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)',
        ${id('2031-01-01Z')}, ${id('2031-02-01Z')}); END $$;
      ALTER TABLE records SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
      ALTER TABLE records ALTER site SET STATISTICS 500;
      CREATE STATISTICS record_sites ON site, kind FROM records;
      COMMENT ON TABLE records IS 'cards';
      ALTER TABLE records CLUSTER ON records_pkey;
      ALTER TABLE settings OWNER TO ${owner()}`)
    expect(await find()).toMatchObject({ differences: [], others: [] })
    await database.sql('DROP TABLE audit_events_2031_01')
    expect(await find()).toMatchObject({ differences: [], others: [] })
    await database.sql(`ALTER TABLE settings OWNER TO ${inject('cluster').owner}`)
  })

  it('in their own interest is a finding, and refuses nothing', async () => {
    await database.sql(`
      CREATE INDEX mine ON records (site);
      DROP INDEX approvals_token;
      ALTER TABLE records ADD COLUMN note text;
      ALTER TABLE records DROP CONSTRAINT records_version_check;
      CREATE TABLE copy_of_records (token text);
      CREATE VIEW sites AS SELECT site FROM records;
      GRANT USAGE ON SCHEMA public TO ${role()};
      GRANT SELECT ON records TO ${role()};
      GRANT SELECT ON migrations_lock TO strongroom_runtime;
      ALTER TABLE records ADD CONSTRAINT short CHECK (length(lower(site::text)) < 100);
      ALTER TABLE records ALTER kind DROP NOT NULL;
      CREATE INDEX lower_sites ON records (lower(site::text)) WHERE erased_at IS NULL;
      CREATE TABLE shop.tokens (token uuid REFERENCES records);
      CREATE FUNCTION shop.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
      CREATE EVENT TRIGGER watch_ddl ON ddl_command_end EXECUTE FUNCTION shop.on_ddl()`)
    const found = await find()
    expect(found.differences).toEqual([])
    expect(found.others).toEqual([
      'column records.note was added',
      'right to read migrations_lock was added',
      'constraint records_version_check on records is missing',
      'constraint short on records was added',
      'event trigger watch_ddl was added',
      'index public.approvals_token is missing',
      'index public.lower_sites was added',
      'index public.mine was added',
      'not null of records.kind is missing',
      'relation copy_of_records was added',
      'relation sites was added',
      `rights of role ${role()} on records was added`,
      `rights of role ${role()} on the schema was added`,
    ])
    await look()
    expect(await status()).toEqual({ status: 'ready' })
    expect(await findings(await marks())).toEqual([
      { code: 'schema-differs', severity: 'warning', detail: expect.stringContaining('index public.mine was added') },
    ])
    const said = vault.logLines.filter((line) => line.includes('differs in what refuses nothing'))
    expect(said).toHaveLength(1)
  })
})

describe('what the role of the server may do beyond its grants', () => {
  const name = () => `server_${database.name}`
  const url = () => Object.assign(new URL(database.serverUrl), { username: name(), password: 'only-here' }).href
  beforeAll(() => database.sql(`CREATE ROLE ${name()} LOGIN PASSWORD 'only-here' IN ROLE strongroom_runtime`))
  afterAll(() => database.sql(`DROP OWNED BY ${name()}; DROP ROLE ${name()}`))

  it.each(['pg_write_all_data', 'pg_execute_server_program'])('%s is a difference', async (power) => {
    await database.sql(`GRANT ${power} TO ${name()}`)
    expect((await find(url())).differences).toEqual([`power ${power} of the role of the server was added`])
    await database.sql(`REVOKE ${power} FROM ${name()}`)
    expect((await find(url())).differences).toEqual([])
  })

  it.each(['CREATEROLE', 'BYPASSRLS', 'REPLICATION'])('%s is a difference', async (attribute) => {
    await database.sql(`ALTER ROLE ${name()} ${attribute}`)
    expect((await find(url())).differences).toEqual([
      `power ${attribute.toLowerCase()} of the role of the server was added`,
    ])
    await database.sql(`ALTER ROLE ${name()} NO${attribute}`)
  })

  it('a role whose rights need a SET ROLE first is a difference, and one that may only log in is none', async () => {
    const group = `group_${database.name}`
    await database.sql(`CREATE ROLE ${group}; GRANT ${group} TO ${name()} WITH INHERIT FALSE`)
    expect((await find(url())).differences).toEqual([])
    await database.sql(`GRANT TRUNCATE ON records TO ${group}`)
    expect((await find(url())).differences).toEqual(['right to truncate records was added'])
    await database.sql(`DROP OWNED BY ${group}; DROP ROLE ${group}`)
  })

  it('an owner is another role', async () => {
    await database.sql(`ALTER TABLE spent_ids OWNER TO ${name()}`)
    expect((await find(url())).differences).toContain('right to own spent_ids was added')
    await database.sql(`ALTER TABLE spent_ids OWNER TO ${inject('cluster').owner}`)
  })
})

describe('migrations', () => {
  it('are one event, by the first process that has keys, and no other one', async () => {
    const { schema } = await find()
    expect(await migrations()).toEqual([
      expect.objectContaining({
        caller: { id: 'strongroom', kind: 'vault' },
        outcome: 'success',
        migrations: knownMigrations,
      }),
    ])
    expect(schema).toMatch(/^[0-9a-f]{64}$/)
    const second = await TestVault.start({ sharedDatabase: database })
    await second.stop()
    expect(await migrations()).toHaveLength(1)
  })

  it('of a later version are another event, which names those that came since', async () => {
    const [former] = (await marks()).filter((mark) => mark.startsWith('migrated '))
    await change(({ mark, unmark }) => {
      unmark(former!)
      mark(`migrated 0000-before ${'0'.repeat(64)}`)
    })
    const [first, second] = await Promise.all([1, 2].map(() => TestVault.start({ sharedDatabase: database })))
    await Promise.all([first!.stop(), second!.stop()])
    expect((await migrations()).slice(1)).toEqual([expect.objectContaining({ migrations: knownMigrations })])
    expect(await marks()).toContain(former)
  })

  it('of a later version refuse the servers of this one until their event is there', async () => {
    await database.sql(`CREATE FUNCTION newer() RETURNS integer LANGUAGE sql AS 'SELECT 1'`)
    await look()
    expect((await status()).code).toBe('schema-changed')
    expect(await findings(await marks())).toContainEqual({
      code: 'schema-changed',
      detail: expect.stringContaining(`function newer() was added. Nothing is served: put it back, or accept it`),
    })
    const { schema } = await find()
    await change(({ mark }) => mark(`migrated 9999-later ${schema}`))
    await expect.poll(() => status(), { timeout: 20_000 }).toEqual({ status: 'ready' })
    expect((await findings(await marks())).map(({ code }) => code)).toEqual(['schema-differs'])
    // Without the root key it is unknown whether the vault has said so.
    expect(await findings(undefined)).toContainEqual(
      expect.objectContaining({ code: 'schema-unverified', severity: 'warning' }),
    )
    // A server of this version that starts now does not take the event for one of its own.
    const again = await TestVault.start({ sharedDatabase: database })
    expect(await status(again)).toEqual({ status: 'ready' })
    await again.stop()
    expect(await marks()).toContain(`migrated 9999-later ${schema}`)
  })
})
