import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../src/database/migration/migrate.ts'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { ensureDevelopmentCertificate } from '../../src/http/tls/development-certificate.ts'
import { createDevelopmentPassphrase } from '../../src/keys/root-key/passphrase-file.ts'
import { readableSchemaSql } from './readable-schema.ts'

/** What every test file on PostgreSQL is given: one cluster with a migrated template, a certificate and a root-key file. */
export interface TestCluster {
  superuserUrl: string
  serverUrl: string
  template: string
  /** The role that owns the template's schema. */
  owner: string
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
  await addReadableSchema(urls.superuser)
  const client = new pg.Client({
    connectionString: Object.assign(new URL(urls.superuser), { pathname: '/postgres' }).href,
  })
  await client.connect()
  await client.query(`ALTER DATABASE "${template}" WITH IS_TEMPLATE true`)
  await client.end()

  const owner = new URL(urls.owner).username
  const { superuser: superuserUrl, server: serverUrl } = urls
  project.provide('cluster', { superuserUrl, serverUrl, template, owner, certsDir, rootKeyFile })
  return async () => {
    await database.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function addReadableSchema(superuserUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  await client.query(readableSchemaSql())
  await client.end()
}
