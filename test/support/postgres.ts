import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

/** A database of its own for a test, cloned from the migrated template. */
export interface TestDatabase {
  name: string
  /** As the role that the server runs as. */
  serverUrl: string
  /** Runs SQL as the superuser: what an attacker with the database in their hands could do. */
  sql<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  drop(): Promise<void>
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const { superuserUrl, serverUrl, template } = inject('cluster')
  const name = `test_${randomBytes(8).toString('hex')}`
  await asSuperuser(withDatabase(superuserUrl, 'postgres'), `CREATE DATABASE "${name}" TEMPLATE "${template}"`)
  const superuser = new pg.Pool({ connectionString: withDatabase(superuserUrl, name), max: 2 })
  superuser.on('error', () => {})
  return {
    name,
    serverUrl: withDatabase(serverUrl, name),
    async sql<Row>(text: string, values: unknown[] = []) {
      return (await superuser.query(text, values)).rows as Row[]
    },
    async drop() {
      await superuser.end()
      await asSuperuser(withDatabase(superuserUrl, 'postgres'), `DROP DATABASE "${name}" WITH (FORCE)`)
    },
  }
}

/** Everything a database holds, as text: bytea in hexadecimal, one line for each row. */
export async function dumpDatabase(database: TestDatabase): Promise<string> {
  const tables = await database.sql<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
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

function withDatabase(url: string, name: string): string {
  return Object.assign(new URL(url), { pathname: `/${name}` }).href
}
