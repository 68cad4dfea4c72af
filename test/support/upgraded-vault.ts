import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inject } from 'vitest'
import { migrate } from '../../src/database/migration/migrate.ts'
import type { Overrides } from '../../src/vault/vault-options.ts'
import { copyOldRootKey, loadOldVault, type OldVaultName, readOldVaultFacts } from './old-vault.ts'
import { createTestDatabase, type TestDatabase, withDatabase } from './postgres.ts'
import { quickKeys, TestVault } from './test-vault.ts'

const MINUTE_MS = 60_000

/** A vault that an earlier version filled and left at that migration, migrated and started a minute after its last request. */
export class UpgradedVault {
  readonly vault: TestVault
  readonly database: TestDatabase
  /** The names of the migrations that were applied. */
  readonly applied: string[]
  readonly #directory: string

  private constructor(vault: TestVault, database: TestDatabase, applied: string[], directory: string) {
    this.vault = vault
    this.database = database
    this.applied = applied
    this.#directory = directory
  }

  static async start(name: OldVaultName, overrides: Overrides = {}): Promise<UpgradedVault> {
    const database = await createTestDatabase()
    await database.sql('DROP SCHEMA public CASCADE')
    await database.sql('CREATE SCHEMA public')
    const superuserUrl = withDatabase(inject('cluster').superuserUrl, database.name)
    await loadOldVault(name, { ownerUrl: superuserUrl, serverUrl: database.serverUrl, superuserUrl })
    const applied = await migrate({ ownerUrl: superuserUrl, serverRole: new URL(database.serverUrl).username })
    const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-old-'))
    const rootKeyFile = path.join(directory, 'root-key')
    copyOldRootKey(name, rootKeyFile)
    const vault = await TestVault.start({
      sharedDatabase: database,
      config: { keys: { passphraseFile: rootKeyFile } },
      clockOffsetMs: Date.parse(readOldVaultFacts(name).written_at) + MINUTE_MS - Date.now(),
      overrides: { ...overrides, ...quickKeys },
    })
    return new UpgradedVault(vault, database, applied, directory)
  }

  async stop(): Promise<void> {
    await this.vault.stop()
    await this.database.drop()
    rmSync(this.#directory, { recursive: true })
  }
}
