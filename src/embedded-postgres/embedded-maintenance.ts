import pg from 'pg'
import { type DatabaseFile, EMBEDDED, passwordOf } from './database-file.ts'

/** https://www.postgresql.org/docs/18/errcodes-appendix.html */
const INVALID_PASSWORD = '28P01'

/** Creates the roles and the database as far as they are missing, since an earlier start may have been cut off anywhere. */
export async function createRolesAndDatabase(file: DatabaseFile): Promise<void> {
  const { database, owner, server } = EMBEDDED
  await withMaintenanceClient(file, async (client) => {
    const roles = await client.query('select 1 from pg_roles where rolname = $1', [server])
    if (roles.rowCount === 0) {
      // One simple query is one transaction: both roles or none. The owner may administer the server's role, as if it
      // had created it, as with a database that an operator sets up.
      await client.query(
        `create role ${owner} login createrole password '${passwordOf(file.urls.owner)}';` +
          `create role ${server} login password '${passwordOf(file.urls.server)}';` +
          `grant ${server} to ${owner} with admin true, inherit false, set false`,
      )
    }
    const databases = await client.query('select 1 from pg_database where datname = $1', [database])
    if (databases.rowCount === 0) await client.query(`create database ${database} owner ${owner}`)
  })
}

/** Whether this very database is there: SCRAM proves each side's knowledge of the password to the other (RFC 5802). */
export async function probe(file: DatabaseFile): Promise<'answers' | 'refuses' | 'silent'> {
  try {
    await withMaintenanceClient(file, (client) => client.query('select 1'))
    return 'answers'
  } catch (error) {
    return (error as { code?: unknown }).code === INVALID_PASSWORD ? 'refuses' : 'silent'
  }
}

/** Connects as the superuser to the database that every cluster has. */
async function withMaintenanceClient<T>(file: DatabaseFile, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const url = new URL(file.urls.superuser)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 3000 })
  // A connection that breaks while idle reports it here, and would otherwise end the process.
  client.on('error', () => {})
  try {
    await client.connect()
    return await use(client)
  } finally {
    await client.end().catch(() => {})
  }
}
