import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { migrate } from '../../src/database/migration/migrate.ts'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { findAccount, findPrograms } from '../../src/embedded-postgres/postgres-programs.ts'
import { startPostmaster, stopPostmaster } from '../../src/embedded-postgres/postmaster.ts'
import { openTestDatabase, type TestDatabase } from './postgres.ts'
import { readableSchemaSql } from './readable-schema.ts'

/** A PostgreSQL of a test's own, with the vault's schema: for settings that hold for the whole server. */
export interface OwnCluster extends TestDatabase {
  /** Sets an option of the server, or puts its default back. */
  configure(name: string, value?: string): Promise<void>
  /** Its data directory. */
  files: string
  /** Starts it again, for options that are read at the start alone. */
  restart(): Promise<void>
  /** Ends it without a checkpoint, as a crash does, and starts it again. */
  crash(): Promise<void>
  /** Starts it again as a standby; the result promotes it. */
  becomeStandby(): Promise<() => Promise<void>>
  /** From now on commits wait for a standby that never comes; the result ends that. */
  freezeStandby(): Promise<() => Promise<void>>
}

/** @param parent where its files are created; removed by `drop` */
export async function startOwnCluster(parent = tmpdir()): Promise<OwnCluster> {
  const directory = mkdtempSync(path.join(parent, 'strongroom-cluster-'))
  const embedded = await openEmbeddedDatabase({ dataDir: path.join(directory, 'data'), role: 'server', log: () => {} })
  const { urls } = embedded
  await migrate({ ownerUrl: urls.owner, serverRole: new URL(urls.server).username })
  const database = openTestDatabase({
    name: new URL(urls.superuser).pathname.slice(1),
    superuserUrl: urls.superuser,
    serverUrl: urls.server,
    async drop() {
      await embedded.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  })
  await database.sql(readableSchemaSql())
  async function configure(name: string, value?: string): Promise<void> {
    await database.sql(value === undefined ? `ALTER SYSTEM RESET ${name}` : `ALTER SYSTEM SET ${name} = '${value}'`)
    await database.sql('SELECT pg_reload_conf()')
  }
  const cluster = path.join(directory, 'data', 'postgres')
  async function restart(): Promise<void> {
    const programs = await findPrograms(await findAccount(() => {}), () => {})
    await stopPostmaster(programs, cluster)
    await startPostmaster(programs, cluster, Number(new URL(urls.server).port))
  }
  return {
    ...database,
    files: cluster,
    configure,
    restart,
    async crash() {
      const programs = await findPrograms(await findAccount(() => {}), () => {})
      // An immediate shutdown (PostgreSQL, "Shutting Down the Server").
      process.kill(Number(readFileSync(path.join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]), 'SIGQUIT')
      while (existsSync(path.join(cluster, 'postmaster.pid'))) await setTimeout(20)
      await startPostmaster(programs, cluster, Number(new URL(urls.server).port))
    },
    async becomeStandby() {
      writeFileSync(path.join(cluster, 'standby.signal'), '', { mode: 0o666 })
      await restart()
      return async () => {
        await database.sql('SELECT pg_promote()')
      }
    },
    async freezeStandby() {
      await configure('synchronous_standby_names', 'gone')
      return () => configure('synchronous_standby_names')
    },
  }
}
