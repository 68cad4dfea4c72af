import path from 'node:path'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { openDatabase } from '../../src/database/database.ts'
import { findSchema } from '../../src/schema/accept-schema.ts'
import { examineSettings } from '../../src/start/doctor/examine-settings.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const config = (env: NodeJS.ProcessEnv = {}) =>
  readConfig({ STRONGROOM_DATA_DIR: path.dirname(inject('cluster').rootKeyFile), ...env })

/** As the role of the server, in a session that begins now. */
async function asServer<T>(use: (server: ReturnType<typeof openDatabase>) => Promise<T>): Promise<T> {
  const server = openDatabase({ url: database.serverUrl, maxConnections: 1 })
  return use(server).finally(() => server.close())
}
const advice = async (env: NodeJS.ProcessEnv = { DATABASE_URL: database.serverUrl }) =>
  (await asServer((server) => examineSettings(config(env), server))).map(({ detail }) => detail)
/** Those that do not depend on memory and disk of the machine that runs the test. */
const ofOthers = async () => (await advice()).filter((detail) => !/^(shared_buffers|max_wal_size)/.test(detail))

it('of a database of the operator is asked as the role of the server, and what differs is said', async () => {
  expect(await ofOthers()).toEqual([])
  await database.sql(`
    ALTER DATABASE ${database.name} SET jit = on;
    ALTER DATABASE ${database.name} SET wal_compression = off`)
  expect(await ofOthers()).toEqual([
    expect.stringMatching(/^jit is on, and off is advised/),
    expect.stringMatching(/^wal_compression is off, and on is advised/),
  ])
  const few = { DATABASE_URL: database.serverUrl, STRONGROOM_WORKERS: '256' }
  expect((await advice(few)).join()).toMatch(/max_connections leaves \d+ sessions .* with 256 workers may take/)
  await database.sql(`ALTER DATABASE ${database.name} RESET ALL`)
})

it('of the embedded database is not a setting of the operator', async () => {
  await database.sql(`ALTER DATABASE ${database.name} SET jit = on`)
  expect(await advice({})).toEqual([])
  await database.sql(`ALTER DATABASE ${database.name} RESET ALL`)
})

it('how tables are vacuumed is a matter of the operator: what is worse is said, and nothing is a difference of the schema', async () => {
  await database.sql(`
    ALTER TABLE records SET (autovacuum_vacuum_scale_factor = 0.3, autovacuum_vacuum_cost_delay = 0);
    SELECT attach_terms_partition(1), attach_terms_partition(2);
    ALTER TABLE search_terms_1 SET (autovacuum_vacuum_scale_factor = 0.001);
    ALTER TABLE search_terms_2 SET (autovacuum_vacuum_scale_factor = 0.1);
    ALTER TABLE idempotency_keys SET (autovacuum_enabled = off, toast.autovacuum_enabled = off);
    ALTER TABLE spent_ids RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)`)
  expect(await ofOthers()).toEqual([
    expect.stringMatching(/^autovacuum_enabled of the table idempotency_keys is off/),
    expect.stringMatching(/^autovacuum_vacuum_scale_factor of the table records is 0.3, and at most 0.02 is advised/),
    expect.stringMatching(
      /^autovacuum_vacuum_scale_factor of the table search_terms_2 is 0.1, and at most 0.02 is advised/,
    ),
    expect.stringMatching(/^autovacuum_vacuum_scale_factor of the table spent_ids is 0.2, and at most 0.01 is advised/),
  ])
  expect(await asServer(findSchema)).toMatchObject({ differences: [], others: [] })
})
