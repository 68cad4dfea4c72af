import { inject } from 'vitest'
import { remakeAccessMacs } from '../../src/access/ledger-changes/remake-access-macs.ts'
import type { EventBook } from '../../src/audit/event/audit-event.ts'
import { inBook } from '../../src/audit/event/event-book.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import type { KeyPurpose } from '../../src/keys/key/key.ts'
import type { KeyRing } from '../../src/keys/key/key-ring.ts'
import { createVaultBook } from '../../src/keys/lifecycle/event-macs.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../../src/keys/registry/registry.ts'
import { type Keys, type KeysOptions, openKeys } from '../../src/keys/ring/keys.ts'
import { createPassphraseFileProvider } from '../../src/keys/root-key/passphrase-file.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { referencingTables } from '../../src/vault/referencing-tables.ts'
import type { TestDatabase } from './postgres.ts'
import { silentBackground } from './silent-background.ts'
import type { TestVault } from './test-vault.ts'

/** The parts that a second server on the vault's database would work with. */
export interface VaultKeys extends ChangeRegistryDeps {
  database: Database
  keys: Keys
  /** What numbers the events of this process. */
  book: EventBook
}

/** The keys of a vault as a server of their own has them. */
export async function openTestKeys(
  testDatabase: TestDatabase,
  options: Partial<KeysOptions> = {},
): Promise<VaultKeys & { close: () => Promise<void> }> {
  const { rootKeyFile } = inject('cluster')
  const database = openDatabase({ url: testDatabase.serverUrl, maxConnections: 4 })
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
      openRootKey: createPassphraseFileProvider({ file: rootKeyFile, development: false, randomBytes }).open,
      alert: () => {},
      background: silentBackground(),
      referencing: referencingTables,
      remakeMacs: remakeAccessMacs,
      ...options,
    })
    const close = async () => {
      await keys.close()
      await database.close()
    }
    const book = createVaultBook({ keys: () => keys, newId, alert: () => {}, remembers: false })
    return { keys, database, book, newAuditEvent: inBook(book, createNewAuditEvent(now, newId)), close }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** Opens the vault's keys as a second server would, for as long as `work` runs. */
export async function withVaultKeys<T>(vault: TestVault, work: (parts: VaultKeys) => Promise<T>): Promise<T> {
  const { close, ...parts } = await openTestKeys(vault.database)
  return work(parts).finally(close)
}

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

/** Puts a new key in the place of each at once, with nothing moved; answers with the ids of those that were active. */
export async function replaceKeys<P extends KeyPurpose>(
  parts: VaultKeys,
  purposes: readonly P[],
): Promise<Record<P, string>> {
  await parts.keys.refresh()
  const before = purposes.map((purpose) => [purpose, parts.keys.ring.active(purpose).id] as const)
  await changeRegistry(parts, OPERATOR, async (change) => {
    for (const purpose of purposes) await change.transition(await change.create(purpose), 'active')
  })
  return Object.fromEntries(before) as Record<P, string>
}

/** Reads the vault's keys as a second server would: for attacks with a leaked key. */
export function readVaultKeys(vault: TestVault): Promise<KeyRing> {
  return withVaultKeys(vault, async ({ keys }) => keys.ring)
}
