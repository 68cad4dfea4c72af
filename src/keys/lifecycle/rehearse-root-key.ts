import type { Database } from '../../database/database.ts'
import type { NewId } from '../../values/identifier.ts'
import type { Keys } from '../ring/keys.ts'
import type { RootKeyDescription, RootKeyProvider } from '../root-key/root-key.ts'

/**
 * Makes a root key at the provider, tries it, and removes it again, to see whether a move to the provider would work.
 * Nothing of the vault is changed.
 *
 * @throws {RootKeyUnreachable | RootKeyConfigError} when a root key cannot be made there
 */
export async function rehearseRootKey(
  { database, keys, newId }: { database: Database; keys: Keys; newId: NewId },
  provider: RootKeyProvider,
): Promise<RootKeyDescription> {
  const present = await keys.registry.findRootKey(database)
  const rootKey = await provider.create(newId('root'), present)
  try {
    return rootKey.describe()
  } finally {
    rootKey.close?.()
    await provider.discard?.(rootKey.record)
  }
}
