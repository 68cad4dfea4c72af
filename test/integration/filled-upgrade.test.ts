import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { migrate } from '../../src/database/migration/migrate.ts'
import { compareRows, keepRows } from '../support/compare-rows.ts'
import { FILLED, filledCounts, fillOldVault, signFilledLog } from '../support/filled-old-vault.ts'
import { itKeepsWhatItHeld, limitsOf } from '../support/kept-by-upgrade.ts'
import { copyOldRootKey, loadOldVault, readOldVaultFacts } from '../support/old-vault.ts'
import { createTestDatabase, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const MINUTE_MS = 60_000
/** Most of a minute on two cores; more when others use them. */
const PATIENCE_MS = 4 * MINUTE_MS
/** The tables that a migration rewrites row by row, and how many rows the filled vault has in them beside the genuine ones. */
const FILLED_TABLES = {
  records: filledCounts.records,
  search_terms: filledCounts.terms,
  record_versions: filledCounts.corrected,
  idempotency_keys: filledCounts.idempotent,
  reveal_reasons: filledCounts.reasons,
  audit_events: filledCounts.events,
  audit_leaves: filledCounts.events,
} as const

/** A vault of before the release, with 100,000 records in it. */
describe(`a vault of migration ${FILLED} with ${filledCounts.records} records`, () => {
  const facts = readOldVaultFacts(FILLED)
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-filled-'))
  let database: TestDatabase
  let vault: TestVault
  let before: Record<string, number>
  let after: Record<string, number>
  let compared: Awaited<ReturnType<typeof compareRows>>
  let seconds: number

  const count = async () => {
    const counted = Object.keys(FILLED_TABLES).map(async (table) => {
      const [row] = await database.sql<{ count: number }>(`SELECT count(*)::integer AS count FROM ${table}`)
      return [table, row!.count] as const
    })
    return Object.fromEntries(await Promise.all(counted))
  }

  beforeAll(async () => {
    database = await createTestDatabase()
    await database.sql('DROP SCHEMA public CASCADE')
    await database.sql('CREATE SCHEMA public')
    const superuserUrl = withDatabase(inject('cluster').superuserUrl, database.name)
    await loadOldVault(FILLED, { ownerUrl: superuserUrl, serverUrl: database.serverUrl, superuserUrl })
    const genuine = await count()
    await signFilledLog(superuserUrl, await fillOldVault(superuserUrl))
    before = await count()
    for (const [table, rows] of Object.entries(FILLED_TABLES))
      expect(before[table]! - genuine[table]!, table).toBe(rows)
    await keepRows(database.sql, Object.keys(FILLED_TABLES))
    const startedAt = performance.now()
    await migrate({ ownerUrl: superuserUrl, serverRole: new URL(database.serverUrl).username })
    seconds = (performance.now() - startedAt) / 1000
    after = await count()
    compared = await compareRows(database.sql, Object.keys(FILLED_TABLES))
    const rootKeyFile = path.join(directory, 'root-key')
    copyOldRootKey(FILLED, rootKeyFile)
    vault = await TestVault.start({
      sharedDatabase: database,
      config: { keys: { passphraseFile: rootKeyFile } },
      clockOffsetMs: Date.parse(facts.written_at) + MINUTE_MS - Date.now(),
      overrides: { limits: limitsOf(facts), ...quickKeys },
    })
  }, PATIENCE_MS)
  afterAll(async () => {
    await vault?.stop()
    await database.drop()
    rmSync(directory, { recursive: true })
  })

  it('has every row that it had, and every value of it', () => {
    expect(after).toEqual(before)
    for (const [table, { compared: rows, differing }] of Object.entries(compared)) {
      expect(differing, table).toBe(0)
      expect(rows, table).toBeGreaterThan(before[table]! / 100)
    }
  })

  it('is migrated within a minute', () => {
    expect(seconds).toBeLessThan(MINUTE_MS / 1000)
  })

  itKeepsWhatItHeld(facts, () => vault)
})
