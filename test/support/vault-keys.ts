import { inject } from 'vitest'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { createNewId } from '../../src/identifier.ts'
import type { KeyRing } from '../../src/keys/key-ring.ts'
import { type Keys, type KeysOptions, openKeys } from '../../src/keys/keys.ts'
import { createRandomBytes } from '../../src/keys/random.ts'
import { createPassphraseFileProvider } from '../../src/keys/root-key/passphrase-file.ts'
import type { TestDatabase } from './postgres.ts'
import type { TestVault } from './test-vault.ts'

/** The keys of a vault as a server of their own has them. */
export async function openTestKeys(
  testDatabase: TestDatabase,
  options: Partial<KeysOptions> = {},
): Promise<{ keys: Keys; database: Database; close: () => Promise<void> }> {
  const { rootKeyFile } = inject('cluster')
  const database = openDatabase({ url: testDatabase.serverUrl, maxConnections: 3 })
  const now = () => new Date()
  const randomBytes = createRandomBytes()
  try {
    const keys = await openKeys({
      database,
      randomBytes,
      now,
      newId: createNewId(now, randomBytes),
      newRootKey: () => Promise.reject(new Error('the vault has a root key')),
      openRootKey: createPassphraseFileProvider({ file: rootKeyFile, development: false, randomBytes }).open,
      alert: () => {},
      onError: () => {},
      ...options,
    })
    const close = async () => {
      await keys.close()
      await database.close()
    }
    return { keys, database, close }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** Reads the vault's keys as a second server would: for attacks by somebody who has one of them. */
export async function readVaultKeys(vault: TestVault): Promise<KeyRing> {
  const { keys, close } = await openTestKeys(vault.database)
  await close()
  return keys.ring
}
