import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { noteIndexUses } from './index-uses.ts'

/** A database of its own for a test, cloned from the migrated template. */
export interface TestDatabase {
  name: string
  /** As the role that the server runs as. */
  serverUrl: string
  /** Runs SQL as the superuser: what an attacker with the database in their hands could do. */
  sql<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  /** Runs SQL in a transaction that stays open, such as one that takes a lock; the result ends it. */
  hold(text: string): Promise<() => Promise<void>>
  /** How many statements of the server wait for a lock. */
  waiting(): Promise<number>
  drop(): Promise<void>
}

export function createTestDatabase(): Promise<TestDatabase> {
  return cloneDatabase(inject('cluster').template)
}

/** The same with the keys of a vault, for tests that are not about how a vault makes its own. */
export function createDatabaseWithKeys(): Promise<TestDatabase> {
  return cloneDatabase(inject('cluster').vaultTemplate)
}

/** A copy of the database's files as they are now, as a backup has them. Ends every connection to it. */
export async function copyTestDatabase({ name }: TestDatabase): Promise<TestDatabase> {
  await asSuperuser(maintenanceUrl(), endSessionsOf(name))
  return cloneDatabase(name)
}

/**
 * Makes a standby that has received everything so far. The result has it take the place of the database at the same address, which
 * loses what was committed since. Both end every connection.
 */
export async function createStandby({ name }: TestDatabase): Promise<() => Promise<void>> {
  const [standby, lost] = [`${name}_standby`, `${name}_lost`]
  const { owner } = inject('cluster')
  await withNoSessions(name, `CREATE DATABASE "${standby}" TEMPLATE "${name}" OWNER ${owner}`)
  await asSuperuser(maintenanceUrl(), `ALTER DATABASE "${name}" ALLOW_CONNECTIONS true`)
  return async () => {
    await withNoSessions(name, `ALTER DATABASE "${name}" RENAME TO "${lost}"`)
    await asSuperuser(maintenanceUrl(), `ALTER DATABASE "${standby}" RENAME TO "${name}"`)
    await asSuperuser(maintenanceUrl(), `DROP DATABASE "${lost}" WITH (FORCE)`)
  }
}

const maintenanceUrl = () => withDatabase(inject('cluster').superuserUrl, 'postgres')
const endSessionsOf = (name: string) =>
  `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '${name}'`

/** The database takes no connections afterwards, so none comes in between. */
async function withNoSessions(name: string, work: string): Promise<void> {
  await asSuperuser(maintenanceUrl(), `ALTER DATABASE "${name}" ALLOW_CONNECTIONS false`)
  await asSuperuser(maintenanceUrl(), endSessionsOf(name))
  await asSuperuser(maintenanceUrl(), work)
}

async function cloneDatabase(template: string): Promise<TestDatabase> {
  const { superuserUrl, serverUrl, owner } = inject('cluster')
  const name = `test_${randomBytes(8).toString('hex')}`
  await asSuperuser(
    withDatabase(superuserUrl, 'postgres'),
    `CREATE DATABASE "${name}" TEMPLATE "${template}" OWNER ${owner} STRATEGY file_copy`,
  )
  return openTestDatabase({
    name,
    superuserUrl: withDatabase(superuserUrl, name),
    serverUrl: withDatabase(serverUrl, name),
    async drop() {
      await noteIndexUses(withDatabase(superuserUrl, name))
      await asSuperuser(withDatabase(superuserUrl, 'postgres'), `DROP DATABASE "${name}" WITH (FORCE)`)
    },
  })
}

/** An existing database, on any server; `drop` removes it. */
export function openTestDatabase(
  at: Pick<TestDatabase, 'name' | 'serverUrl' | 'drop'> & { superuserUrl: string },
): TestDatabase {
  const superuser = new pg.Pool({ connectionString: at.superuserUrl, max: 6 })
  superuser.on('error', () => {})
  async function sql<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await superuser.query(text, values)).rows as Row[]
  }
  return {
    name: at.name,
    serverUrl: at.serverUrl,
    sql,
    async hold(text) {
      const client = await superuser.connect()
      await client.query(`BEGIN; ${text}`)
      return async () => {
        await client.query('COMMIT')
        client.release()
      }
    },
    async waiting() {
      const rows = await sql(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      return rows.length
    },
    async drop() {
      await superuser.end()
      await at.drop()
    },
  }
}

/** Everything a database holds apart from the counts of attempts and of uses, as text: bytea in hexadecimal, one line for each row. */
export async function dumpDatabase(database: TestDatabase): Promise<string> {
  const tables = await database.sql<{ name: string }>(
    `SELECT quote_ident(relname) AS name FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
       AND relname NOT IN ('rate_limits', 'key_uses') ORDER BY 1`,
  )
  const rows = await Promise.all(
    tables.map(({ name }) => database.sql<{ line: string }>(`SELECT '${name} ' || t::text AS line FROM ${name} t`)),
  )
  return rows
    .flat()
    .map(({ line }) => line)
    .join('\n')
}

async function asSuperuser(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

export function withDatabase(url: string, name: string): string {
  return Object.assign(new URL(url), { pathname: `/${name}` }).href
}
