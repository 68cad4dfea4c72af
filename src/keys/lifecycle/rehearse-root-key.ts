import type { Database } from '../../database/database.ts'
import type { NewId } from '../../values/identifier.ts'
import type { Keys } from '../ring/keys.ts'
import type { RootKeyDescription, RootKeyProvider } from '../root-key/root-key.ts'

/**
 * Makes a root key at the provider, which tries it, and takes it away again: what a move there would find. Nothing of the vault
 * is changed.
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
