import { referencingTables } from '../../src/vault/referencing-tables.ts'
import '../../src/start/buffer-sweeping.ts'
import { remakeAccessMacs } from '../../src/access/ledger-changes/remake-access-macs.ts'
import { inBook } from '../../src/audit/event/event-book.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { openDatabase } from '../../src/database/database.ts'
import { createVaultBook } from '../../src/keys/lifecycle/event-macs.ts'
import { openKeys } from '../../src/keys/ring/keys.ts'
import { createPassphraseFileProvider } from '../../src/keys/root-key/passphrase-file.ts'
import { createKinds } from '../../src/kinds/kinds.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { silentBackground } from '../support/silent-background.ts'

/** The vault's own parts, put together as the vault does it, for benchmarks without its server. */
export async function openVaultParts(options: { databaseUrl: string; rootKeyFile: string }) {
  const now = () => new Date()
  const randomBytes = createRandomBytes()
  const newId = createNewId(now, randomBytes)
  const database = openDatabase({ url: options.databaseUrl })
  const provider = createPassphraseFileProvider({ file: options.rootKeyFile, development: false, randomBytes })
  const keys = await openKeys({
    database,
    randomBytes,
    now,
    newId,
    newRootKey: async (id) => (await provider.create(id)).record,
    openRootKey: provider.open,
    alert: () => {},
    background: silentBackground(),
    referencing: referencingTables,
    remakeMacs: remakeAccessMacs,
  })
  const book = createVaultBook({ keys: () => keys, newId, alert: () => {}, remembers: false })
  const newAuditEvent = inBook(book, createNewAuditEvent(now, newId))
  const close = async () => {
    await keys.close()
    await database.close()
  }
  return { database, keys, kinds: createKinds(now), newAuditEvent, newId, now, randomBytes, close }
}
