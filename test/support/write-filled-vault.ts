/**
 * Signs the log of the filled fixture with the fixture's own key: `node test/support/write-filled-vault.ts`. To be run when the
 * rows of `filled-old-vault.ts` change; the result is the file beside the fixture that its test puts in.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { formatCheckpoint, parseCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { signNote } from '../../src/audit/formats/signed-note.ts'
import { migrate } from '../../src/database/migration/migrate.ts'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { openVaultParts } from '../bench/vault-parts.ts'
import { FILLED, filledNoteFile, fillOldVault } from './filled-old-vault.ts'
import { copyOldRootKey, loadOldVault } from './old-vault.ts'

const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-filled-'))
const database = await openEmbeddedDatabase({ dataDir: path.join(directory, 'data'), role: 'command', log: () => {} })
try {
  const { owner: ownerUrl, superuser: superuserUrl, server: databaseUrl } = database.urls
  await loadOldVault(FILLED, { ownerUrl, superuserUrl })
  const { size, root } = await fillOldVault(superuserUrl)
  await migrate({ ownerUrl, serverRole: new URL(databaseUrl).username })
  const rootKeyFile = path.join(directory, 'root-key')
  copyOldRootKey(FILLED, rootKeyFile)
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  const { rows } = await client.query<{ note: string }>('SELECT note FROM audit_head')
  await client.end()
  const { origin, vault } = parseCheckpoint(rows[0]!.note)
  const parts = await openVaultParts({ databaseUrl, rootKeyFile })
  const { secret } = parts.keys.active('audit-signing')
  writeFileSync(filledNoteFile, signNote(formatCheckpoint({ origin, size, root, vault }), origin, secret))
  await parts.close()
} finally {
  await database.stop()
  rmSync(directory, { recursive: true, force: true })
}
