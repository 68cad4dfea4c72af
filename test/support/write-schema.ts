/**
 * `npm run db:schema`: migrates a throw-away database and writes what came out, to be read to `migrations/schema.sql` and to be
 * compared with to `src/schema/shipped-schema.json`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { migrate } from '../../src/database/migration/migrate.ts'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { dumpSchema } from './schema-dump.ts'
import { dumpShippedSchema, SHIPPED_NAME } from './shipped-schema.ts'

const file = path.join(import.meta.dirname, '../../migrations/schema.sql')
const shippedFile = path.join(import.meta.dirname, '../../src/schema/shipped-schema.json')
const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-schema-'))
try {
  const database = await openEmbeddedDatabase({ dataDir: path.join(directory, 'data'), role: 'server', log: () => {} })
  const client = new pg.Client({ connectionString: database.urls.superuser })
  try {
    const { owner: ownerUrl, server: serverUrl } = database.urls
    const serverRole = new URL(serverUrl).username
    await migrate({ ownerUrl, serverRole })
    await client.connect()
    writeFileSync(file, await dumpSchema(client))
    await migrate({ ownerUrl, serverRole, schema: SHIPPED_NAME })
    writeFileSync(shippedFile, await dumpShippedSchema(serverUrl))
  } finally {
    await client.end()
    await database.stop()
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
process.stdout.write(`wrote ${file}\nwrote ${shippedFile}\n`)
