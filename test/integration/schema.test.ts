import { readFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { knownMigrations, migrate } from '../../src/database/migration/migrate.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { dumpSchema } from '../support/schema-dump.ts'

const REFUSED = '42501'

const INSERT_EVENT = "INSERT INTO audit_events (id, type, body) VALUES (gen_random_uuid(), 1, '{}')"

function superuserUrl(database: TestDatabase): string {
  return Object.assign(new URL(inject('cluster').superuserUrl), { pathname: `/${database.name}` }).href
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const dump = (database: TestDatabase) => withClient(superuserUrl(database), dumpSchema)

describe('the migrated schema', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  it('is the one in migrations/schema.sql', async () => {
    const written = readFileSync(path.join(import.meta.dirname, '../../migrations/schema.sql'), 'utf8')
    expect(await dump(database), 'migrations/schema.sql is of another schema: run npm run db:schema').toBe(written)
  })

  describe('to the role that the server runs as', () => {
    /** The SQLSTATE with which the statement fails; undefined when it is done. It is never kept. */
    const outcome = (text: string) =>
      withClient(database.serverUrl, async (client) => {
        await client.query('BEGIN')
        return client.query(text).then(
          () => undefined,
          (error: pg.DatabaseError) => error.code,
        )
      })

    it.each([
      'CREATE TABLE mine (id text)',
      'CREATE TABLE public.mine AS SELECT * FROM records',
      'CREATE SCHEMA mine',
      'CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$',
      'CREATE VIEW mine AS SELECT * FROM records',
      'CREATE INDEX mine ON records (site)',
      'CREATE ROLE mine',
      'CREATE EXTENSION pg_stat_statements',
      'ALTER TABLE records ADD COLUMN number text',
      'ALTER TABLE records DROP CONSTRAINT records_version_check',
      'ALTER TABLE audit_events DISABLE TRIGGER ALL',
      'SELECT pg_reload_conf()',
      "SET log_statement = 'all'",
      "SET session_replication_role = 'replica'",
      'ALTER ROLE strongroom_runtime CREATEDB',
      'COMMENT ON TABLE records IS NULL',
      'DROP TABLE records',
      'DROP INDEX records_pkey',
      'DROP SCHEMA public CASCADE',
      'TRUNCATE records',
      'SET ROLE strongroom_owner',
      'SET ROLE postgres',
    ])('refuses DDL: %s', async (text) => {
      expect(await outcome(text)).toBe(REFUSED)
    })

    it.each([
      "UPDATE audit_events SET body = ''",
      'UPDATE audit_events SET token = NULL WHERE id IS NULL',
      'DELETE FROM audit_events',
      'TRUNCATE audit_events',
      'SELECT id FROM audit_events FOR UPDATE',
      'LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE',
      'DROP TABLE audit_events',
      'ALTER TABLE audit_events RENAME TO gone',
      'CREATE RULE gone AS ON INSERT TO audit_events DO INSTEAD NOTHING',
      'CREATE TRIGGER gone BEFORE INSERT ON audit_events EXECUTE FUNCTION suppress_redundant_updates_trigger()',
      `${INSERT_EVENT} ON CONFLICT (id) DO UPDATE SET body = ''`,
      'MERGE INTO audit_events a USING audit_events b ON a.id = b.id WHEN MATCHED THEN DELETE',
    ])('refuses to change the audit log: %s', async (text) => {
      expect(await outcome(text)).toBe(REFUSED)
    })

    it('has nothing to give away: a grant changes nothing', async () => {
      const before = await dump(database)
      await withClient(database.serverUrl, (client) => client.query('GRANT ALL ON audit_events TO PUBLIC'))
      expect(await dump(database)).toBe(before)
    })

    it('lets audit events be written and read', async () => {
      expect(await outcome(INSERT_EVENT)).toBeUndefined()
      expect(await outcome('SELECT * FROM audit_events')).toBeUndefined()
    })

    it.each([
      "INSERT INTO migrations (id, name) VALUES (99, 'x')",
      "UPDATE migrations SET name = 'x'",
      'DELETE FROM migrations',
      'TRUNCATE migrations',
      'UPDATE migrations_lock SET is_locked = 1',
      'SELECT * FROM migrations_lock',
      "SELECT nextval('migrations_id_seq')",
    ])('refuses to touch the migrations: %s', async (text) => {
      expect(await outcome(text)).toBe(REFUSED)
    })

    it('lets the migrations be read', async () => {
      const { rows } = await withClient(database.serverUrl, (client) =>
        client.query('SELECT name FROM migrations ORDER BY id'),
      )
      expect(rows.map(({ name }) => name)).toEqual(knownMigrations)
    })

    it.each([
      ['records', 'DELETE FROM records'],
      ['clients', 'DELETE FROM clients'],
      ['keys', 'DELETE FROM keys'],
      ['root_keys', "UPDATE root_keys SET provider = 'x'"],
      ['root_keys', 'DELETE FROM root_keys'],
    ])('refuses to lose rows of %s: %s', async (_table, text) => {
      expect(await outcome(text)).toBe(REFUSED)
    })

    it('is not a superuser, and may not make roles or databases, or replicate', async () => {
      const [role] = await database.sql(
        `SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = $1`,
        [new URL(database.serverUrl).username],
      )
      expect(Object.values(role!)).toEqual([false, false, false, false, false])
    })
  })
})

describe('migrate', () => {
  let database: TestDatabase
  const run = () => migrate({ ownerUrl: superuserUrl(database), serverRole: new URL(database.serverUrl).username })

  /** A database without anything in it, as a new vault finds it. */
  beforeEach(async () => {
    database = await createTestDatabase()
    await database.sql('DROP SCHEMA public CASCADE')
    await database.sql('CREATE SCHEMA public')
  })
  afterEach(() => database.drop())

  it('applies everything once, and nothing the second time', async () => {
    expect(await run()).toEqual(knownMigrations)
    const before = await dump(database)
    expect(await run()).toEqual([])
    expect(await dump(database)).toBe(before)
  })

  it('may run twice at the same time: both succeed, one applies', async () => {
    const results = await Promise.all([run(), run()])
    expect(results.sort((a, b) => a.length - b.length)).toEqual([[], knownMigrations])
  })

  it('continues after one that was killed and left its lock', async () => {
    await run()
    await database.sql('UPDATE migrations_lock SET is_locked = 1')
    expect(await run()).toEqual([])
  })

  it('refuses a database that a newer version has migrated', async () => {
    await run()
    await database.sql("INSERT INTO migrations (name, batch) VALUES ('9999-from-the-future', 2)")
    await expect(run()).rejects.toThrow('9999-from-the-future')
  })

  it('says in one sentence that roles do not fit, and prints no statement', async () => {
    const other = `owner_${database.name}`
    await database.sql(`CREATE ROLE ${other} LOGIN CREATEROLE PASSWORD 'only-here'; GRANT ALL ON SCHEMA public TO ${other};
      ALTER DATABASE ${database.name} OWNER TO ${other}; CREATE ROLE server_${other}`)
    try {
      const ownerUrl = Object.assign(new URL(superuserUrl(database)), { username: other, password: 'only-here' }).href
      const refused = migrate({ ownerUrl, serverRole: `server_${other}` })
      await expect(refused).rejects.toThrow(
        /^the owner may not make "server_owner_\w+" a member of strongroom_runtime.*\.$/,
      )
      await expect(migrate({ ownerUrl, serverRole: 'nobody' })).rejects.toThrow(
        /^the role "nobody" .* does not exist.*\.$/,
      )
    } finally {
      await database.sql(`ALTER DATABASE ${database.name} OWNER TO CURRENT_USER; REASSIGN OWNED BY ${other} TO CURRENT_USER;
        DROP OWNED BY ${other}; DROP ROLE ${other}, server_${other}`)
    }
  })

  it('leaves the server’s role without temporary tables, which could replace the real ones', async () => {
    await run()
    const attempt = withClient(database.serverUrl, (client) =>
      client.query('CREATE TEMPORARY TABLE audit_events (id text)'),
    )
    await expect(attempt).rejects.toMatchObject({ code: REFUSED })
  })
})
