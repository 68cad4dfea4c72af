import { inject } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { createNewId } from '../../src/identifier.ts'
import type { KeyRing } from '../../src/keys/key-ring.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { createRandomBytes } from '../../src/keys/random.ts'
import { createPassphraseFileProvider } from '../../src/keys/root-key/passphrase-file.ts'
import type { TestVault } from './test-vault.ts'

/** Reads the vault's keys as a second server would: for attacks by somebody who has one of them. */
export async function readVaultKeys(vault: TestVault): Promise<KeyRing> {
  const { rootKeyFile } = inject('cluster')
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 2 })
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
    })
    await keys.close()
    return keys.ring
  } finally {
    await database.close()
  }
}
