import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migration/migrate.ts'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { ensureDevelopmentCertificate } from '../../src/http/tls/development-certificate.ts'
import { createDevelopmentPassphrase } from '../../src/keys/root-key/passphrase-file.ts'
import { findSchema } from '../../src/schema/accept-schema.ts'
import type { ComparedSchema } from '../../src/schema/compare-schema.ts'
import { runSql } from './dump-tables.ts'
import { withDatabase } from './postgres.ts'
import { readableSchemaSql } from './readable-schema.ts'
import { createVaultKeys } from './vault-template.ts'

/** What every test file on PostgreSQL is given: one cluster with a migrated template, a certificate and a root-key file. */
export interface TestCluster {
  superuserUrl: string
  serverUrl: string
  template: string
  /** A copy of the template with the keys of a vault. */
  vaultTemplate: string
  /** The role that owns the template's schema. */
  owner: string
  /** What a look at the template's schema finds. */
  schema: ComparedSchema
  certsDir: string
  rootKeyFile: string
}

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: TestCluster
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-test-'))
  const certsDir = path.join(directory, 'certs')
  const rootKeyFile = path.join(directory, 'root-key')
  const database = await openEmbeddedDatabase({
    dataDir: path.join(directory, 'data'),
    role: 'server',
    log: () => {},
    // Every connection maps them and every DROP DATABASE looks through them.
    sizes: { sharedBuffers: '128MB' },
  })
  const { urls } = database
  await migrate({ ownerUrl: urls.owner, serverRole: new URL(urls.server).username })
  await ensureDevelopmentCertificate({ certsDir, hosts: [] })
  await createDevelopmentPassphrase(rootKeyFile)

  // A template must have no connections; tests clone it in milliseconds instead of migrating again.
  const template = new URL(urls.superuser).pathname.slice(1)
  const vaultTemplate = `${template}_with_keys`
  const owner = new URL(urls.owner).username
  const maintenance = withDatabase(urls.superuser, 'postgres')
  await runSql(urls.superuser, readableSchemaSql())
  await runSql(maintenance, `CREATE DATABASE "${vaultTemplate}" TEMPLATE "${template}" OWNER ${owner}`)
  await createVaultKeys(withDatabase(urls.server, vaultTemplate), rootKeyFile)
  const schema = await schemaOf(withDatabase(urls.server, vaultTemplate))
  for (const name of [template, vaultTemplate]) await runSql(maintenance, `ALTER DATABASE "${name}" IS_TEMPLATE true`)

  const { superuser: superuserUrl, server: serverUrl } = urls
  project.provide('cluster', { superuserUrl, serverUrl, template, vaultTemplate, owner, schema, certsDir, rootKeyFile })
  return async () => {
    await database.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function schemaOf(url: string): Promise<ComparedSchema> {
  const database = openDatabase({ url, maxConnections: 1 })
  try {
    return await findSchema(database)
  } finally {
    await database.close()
  }
}
