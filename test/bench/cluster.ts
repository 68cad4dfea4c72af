import { execFile } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { migrate } from '../../src/database/migration/migrate.ts'
import type { DatabaseUrls } from '../../src/embedded-postgres/database-file.ts'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { findAccount, findPrograms, PROGRAM_ENVIRONMENT } from '../../src/embedded-postgres/postgres-programs.ts'
import { noteIndexUses } from '../support/index-uses.ts'

const run = promisify(execFile)

/** A PostgreSQL of the benchmark's own, with the settings that the vault gives its embedded one. */
export interface Cluster {
  /** The process whose children do the work. */
  postmasterPid: number
  version: string
  /** A database with the vault's schema and nothing in it. */
  createDatabase(name: string): Promise<DatabaseUrls>
  stop(): Promise<void>
}

/**
 * Creates and starts a cluster below `directory`.
 *
 * @param preload a shared library that PostgreSQL is started with
 */
export async function openCluster(directory: string, name: string, preload?: string): Promise<Cluster> {
  const dataDir = path.join(directory, name)
  const embedded = await openEmbeddedDatabase({ dataDir, role: 'server', log: () => {} })
  try {
    const { urls } = embedded
    await migrate({ ownerUrl: urls.owner, serverRole: new URL(urls.server).username })
    const cluster = path.join(dataDir, 'postgres')
    if (preload !== undefined) await restartWith(cluster, preload)
    const databases: string[] = []
    const maintenance = on(urls.superuser, 'postgres')
    const template = new URL(urls.superuser).pathname.slice(1)
    const owner = new URL(urls.owner).username
    const [row] = await query<{ version: string }>(maintenance, 'SELECT version()')
    return {
      postmasterPid: postmasterPidOf(cluster),
      version: /^PostgreSQL [\d.]+/.exec(row?.version ?? '')?.[0] ?? '',
      async createDatabase(database) {
        databases.push(database)
        await query(maintenance, `CREATE DATABASE "${database}" TEMPLATE "${template}" OWNER ${owner}`)
        const { superuser, owner: ownerUrl, server } = urls
        return { superuser: on(superuser, database), owner: on(ownerUrl, database), server: on(server, database) }
      },
      async stop() {
        for (const database of databases) await noteIndexUses(on(urls.superuser, database))
        await embedded.stop()
      },
    }
  } catch (error) {
    await embedded.stop()
    throw error
  }
}

/** `pg_ctl restart` starts PostgreSQL with the options it had (postmaster.opts), but with the environment of this call. */
async function restartWith(cluster: string, preload: string): Promise<void> {
  const account = await findAccount(() => {})
  const { pgCtl } = await findPrograms(account, () => {})
  const args = ['-D', cluster, '-l', path.join(cluster, 'postgres.log'), '-m', 'fast', '-w', '-s', 'restart']
  await run(pgCtl, args, { cwd: cluster, env: { ...PROGRAM_ENVIRONMENT, LD_PRELOAD: preload }, ...account })
  // The loader only warns of a library that it cannot read, and the disk would be as fast as ever.
  const loaded = readFileSync(`/proc/${postmasterPidOf(cluster)}/maps`, 'utf8')
  if (!loaded.includes(preload)) throw new Error('PostgreSQL was started without the slow disk')
}

function postmasterPidOf(cluster: string): number {
  return Number(readFileSync(path.join(cluster, 'postmaster.pid'), 'latin1').split('\n')[0])
}

/** Compiles the shim that makes fdatasync slower; undefined without a C compiler, or such a shim. */
export async function compileSlowFdatasync(directory: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined
  const library = path.join(directory, 'slow-fdatasync.so')
  const source = fileURLToPath(new URL('slow-fdatasync.c', import.meta.url))
  try {
    await run('cc', ['-O2', '-shared', '-fPIC', '-o', library, source])
    // PostgreSQL may run as another user than we.
    chmodSync(library, 0o755)
    return library
  } catch {
    return undefined
  }
}

/** One statement on a connection of its own. */
export async function query<Row>(url: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text, values)).rows as Row[]
  } finally {
    await client.end()
  }
}

function on(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href
}
