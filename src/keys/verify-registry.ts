import type { Database } from '../database/database.ts'
import { createNewId } from '../identifier.ts'
import { createRegistry } from './open-registry.ts'
import { createRandomBytes } from './random.ts'
import { KeyRegistryError } from './registry-manifest.ts'
import { createRootKeyProvider, type RootKeyOptions, requireProvider } from './root-key/providers.ts'
import type { RootKey, RootKeyDescription, RootKeyProviderName } from './root-key/root-key.ts'

export interface VerifyRegistryOptions {
  database: Database
  provider: RootKeyProviderName
  rootKey: Omit<RootKeyOptions, 'randomBytes' | 'development'>
}

/**
 * Opens the key registry as a start would, and changes nothing.
 *
 * @returns what there is to say of the root key; undefined in a vault that has none yet
 * @throws {KeyRegistryError | RootKeyConfigError | RootKeyMismatch} what would refuse the start
 * @throws {RootKeyUnreachable} when the root key is not at hand, so that nobody can tell
 */
export async function verifyRegistry(options: VerifyRegistryOptions): Promise<RootKeyDescription | undefined> {
  const randomBytes = createRandomBytes()
  const now = () => new Date()
  const provider = createRootKeyProvider(options.provider, { ...options.rootKey, development: false, randomBytes })
  let opened: RootKey | undefined
  const registry = createRegistry({
    database: options.database,
    now,
    newId: createNewId(now, randomBytes),
    remakeMacs: () => Promise.reject(new Error('nothing is changed here')),
    async newRootKey() {
      throw new KeyRegistryError('the root key of the keys is missing in "root_keys".')
    },
    async openRootKey(record) {
      requireProvider(record, provider.name)
      opened = await provider.open(record)
      return opened
    },
  })
  try {
    await registry.verify(options.database)
    return opened?.describe()
  } finally {
    opened?.close?.()
  }
}
