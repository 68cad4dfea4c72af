import type { Knex } from 'knex'
import type { ClientBase } from 'pg'
import { CONNECT_TIMEOUT_MS, connectionOptions, type DatabaseOptions } from '../database.ts'
import { applySettings } from '../session-settings.ts'
import { LOCK_TIMEOUT } from './online-migration.ts'

/** knex would print errors with their stack and their statement. They are thrown as well, so it prints nothing. */
const SILENT: Knex.Logger = { warn() {}, error() {}, deprecate() {}, debug() {} }

/**
 * Opens the database as its owner: statements take as long as the tables are large, and wait for a lock for a second.
 * Only this loads knex.
 */
export async function openForMigrations({
  schema,
  ...place
}: Pick<DatabaseOptions, 'url' | 'caFile'> & { schema: string }): Promise<Knex> {
  const { default: knex } = await import('knex')
  return knex({
    client: 'pg',
    connection: { ...connectionOptions(place), query_timeout: 0 } as Knex.PgConnectionConfig,
    pool: {
      min: 0,
      max: 2,
      afterCreate: (client: ClientBase, done: (error: unknown, client: ClientBase) => void) => {
        applySettings(client, { schema, isPatient: true }, CONNECT_TIMEOUT_MS)
          .then(() => client.query(`SET lock_timeout = '${LOCK_TIMEOUT}'`))
          .then(
            () => done(undefined, client),
            (error) => done(error, client),
          )
      },
    },
    compileSqlOnError: false,
    log: SILENT,
  })
}
