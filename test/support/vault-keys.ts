import { inject } from 'vitest'
import { createNewAuditEvent } from '../../src/audit/audit-event.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { createNewId } from '../../src/identifier.ts'
import type { KeyRing } from '../../src/keys/key-ring.ts'
import { type Keys, openKeys } from '../../src/keys/keys.ts'
import { createRandomBytes } from '../../src/keys/random.ts'
import type { ChangeRegistryDeps } from '../../src/keys/registry.ts'
import { openPassphraseFile } from '../../src/keys/root-key/passphrase-file.ts'
import type { TestVault } from './test-vault.ts'

/** Reads the vault's keys as a second server would: for attacks by somebody who has one of them. */
export function readVaultKeys(vault: TestVault): Promise<KeyRing> {
  return withVaultKeys(vault, async ({ keys }) => keys.ring)
}

/** The parts that a second server on the vault's database would work with. */
export interface VaultKeys extends ChangeRegistryDeps {
  database: Database
  keys: Keys
}

/** Opens the vault's keys as a second server would, for as long as `work` runs. */
export async function withVaultKeys<T>(vault: TestVault, work: (parts: VaultKeys) => Promise<T>): Promise<T> {
  const { rootKeyFile } = inject('cluster')
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 4 })
  const now = () => new Date()
  const randomBytes = createRandomBytes()
  const newId = createNewId(now, randomBytes)
  try {
    const keys = await openKeys({
      database,
      randomBytes,
      now,
      newId,
      newRootKey: () => Promise.reject(new Error('the vault has a root key')),
      openRootKey: (record) => openPassphraseFile(rootKeyFile, record, randomBytes),
      alert: () => {},
      onError: () => {},
    })
    try {
      return await work({ database, keys, newAuditEvent: createNewAuditEvent(now, newId) })
    } finally {
      await keys.close()
    }
  } finally {
    await database.close()
  }
}
