import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { migrate } from '../../src/database/migration/migrate.ts'
import { loadOldVault, readOldVaultFacts } from '../support/old-vault.ts'
import { createTestDatabase, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { readableSchemaSql } from '../support/readable-schema.ts'

const OLD = '0013-approvals-and-names'
/** Their columns are numbers and uuids since. */
const TABLES = ['records', 'record_versions', 'idempotency_keys', 'reveal_reasons'] as const

let database: TestDatabase
let superuserUrl: string

beforeEach(async () => {
  database = await createTestDatabase()
  superuserUrl = withDatabase(inject('cluster').superuserUrl, database.name)
  await database.sql('DROP SCHEMA readable CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public')
  await loadOldVault(OLD, { ownerUrl: superuserUrl, superuserUrl })
})
afterEach(() => database.drop())

const migrateAll = () => migrate({ ownerUrl: superuserUrl, serverRole: new URL(database.serverUrl).username })

/** What the rows say, in the names that they had. What their records remember of search terms is another migration's. */
async function rowsOf(schema: string): Promise<Record<string, string[]>> {
  const of = async (table: string) => {
    const rows = await database.sql<{ row: object }>(`SELECT to_jsonb(t) - 'terms' AS row FROM ${schema}.${table} t`)
    return rows.map(({ row }) => JSON.stringify(row)).sort()
  }
  return Object.fromEntries(await Promise.all(TABLES.map(async (table) => [table, await of(table)])))
}

describe('a vault whose rows have names and tokens in them', () => {
  it('says the same in numbers and uuids', async () => {
    const before = await rowsOf('public')
    for (const table of TABLES) expect(before[table]!.length, table).toBeGreaterThan(0)
    await migrateAll()
    await database.sql(readableSchemaSql())
    expect(await rowsOf('readable')).toEqual(before)
  })

  it('keeps the time of the last change where there was one, and nothing where there was none', async () => {
    await migrateAll()
    const rows = await database.sql<{ token: string; is_empty: boolean; version: number; erased: boolean }>(
      `SELECT uuid_id('any', token) AS token, updated_at IS NULL AS is_empty, version, erased_at IS NOT NULL AS erased FROM records`,
    )
    for (const { is_empty, version, erased } of rows) expect(is_empty).toBe(version === 1 && !erased)
    const { corrected, erased } = readOldVaultFacts(OLD)
    const isEmpty = new Map(rows.map(({ token, is_empty }) => [token.split('_')[1], is_empty]))
    for (const token of [corrected.token, erased]) expect(isEmpty.get(token.split('_')[1])).toBe(false)
  })

  it('keeps what operators have decided about its tables', async () => {
    const role = `reader_${database.name}`
    await database.sql(`CREATE ROLE ${role}; GRANT SELECT ON records TO ${role} WITH GRANT OPTION;
      GRANT SELECT ON record_versions TO PUBLIC; ALTER TABLE records SET (fillfactor = 70);
      ALTER TABLE idempotency_keys SET (toast.autovacuum_vacuum_threshold = 7)`)
    try {
      await migrateAll()
      const [found] = await database.sql(
        `SELECT has_table_privilege('${role}', 'records', 'SELECT WITH GRANT OPTION') AS grants,
           has_table_privilege('${role}', 'records', 'INSERT') AS writes,
           has_table_privilege('${role}', 'record_versions', 'SELECT') AS reads,
           has_table_privilege('strongroom_runtime', 'records', 'INSERT, UPDATE') AS runs,
           has_table_privilege('strongroom_runtime', 'records', 'DELETE') AS deletes,
           'fillfactor=70' = ANY (reloptions) AND 'autovacuum_vacuum_scale_factor=0.02' = ANY (reloptions) AS parameters
         FROM pg_class WHERE oid = 'records'::regclass`,
      )
      expect(found).toEqual({ grants: true, writes: false, reads: true, runs: true, deletes: false, parameters: true })
      const [toast] = await database.sql<{ reloptions: string[] }>(
        `SELECT t.reloptions FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = 'idempotency_keys'::regclass`,
      )
      expect(toast!.reloptions).toEqual(
        // The migration before has set it for every vault.
        expect.arrayContaining(['autovacuum_vacuum_threshold=1000', 'autovacuum_vacuum_scale_factor=0.01']),
      )
    } finally {
      await database.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })
})

describe('rows that the vault did not write', () => {
  it.each([
    [
      'an invalid token',
      "UPDATE records SET token = 'card_1' WHERE token = (SELECT min(token) FROM records)",
      /1 rows of records .* token/,
    ],
    [
      'a token of another kind',
      "UPDATE records SET kind = 'card' WHERE token = (SELECT min(token) FROM records WHERE kind = 'contact')",
      /1 rows of records .* token/,
    ],
    [
      'consents that are no names',
      `UPDATE records SET consents = '{"two words"}' WHERE token = (SELECT min(token) FROM records)`,
      /records has 1 sets of consents/,
    ],
    [
      'a consent that is missing',
      'UPDATE records SET consents = ARRAY[NULL] WHERE token = (SELECT min(token) FROM records)',
      /records has 1 sets of consents/,
    ],
  ])('with %s refuse the migration in one sentence, and lose nothing', async (_what, change, reason) => {
    await database.sql(change)
    const before = await rowsOf('public')
    const refused = await migrateAll().then(
      () => '',
      (error: Error) => error.message,
    )
    expect(refused).toMatch(reason)
    expect(refused).toMatch(/^[^\n]*: the vault did not write them\.$/)
    expect(await rowsOf('public')).toEqual(before)
  })
})

it.each([
  ['a view', 'CREATE VIEW tokens_of_cards AS SELECT token FROM records', /\(tokens_of_cards\)/],
  ['a foreign key', 'CREATE TABLE orders (token text REFERENCES records)', /\(orders\)/],
])('%s that is not the vault’s is named, and nothing is changed before it is gone', async (_what, made, name) => {
  await database.sql(made)
  const before = await rowsOf('public')
  await expect(migrateAll()).rejects.toThrow(name)
  expect(await rowsOf('public')).toEqual(before)
})
