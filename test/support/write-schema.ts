/** `npm run db:schema`: migrates a throw-away database and writes what came out to `migrations/schema.sql`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { openEmbeddedDatabase } from '../../src/database/embedded.ts'
import { migrate } from '../../src/database/migrate.ts'
import { dumpSchema } from './schema-dump.ts'

const file = path.join(import.meta.dirname, '../../migrations/schema.sql')
const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-schema-'))
try {
  const database = await openEmbeddedDatabase({ dataDir: path.join(directory, 'data'), role: 'server', log: () => {} })
  const client = new pg.Client({ connectionString: database.urls.superuser })
  try {
    await migrate({ ownerUrl: database.urls.owner, serverRole: new URL(database.urls.server).username })
    await client.connect()
    writeFileSync(file, await dumpSchema(client))
  } finally {
    await client.end()
    await database.stop()
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
process.stdout.write(`wrote ${file}\n`)
