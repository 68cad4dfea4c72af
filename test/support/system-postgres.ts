import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { migrate } from '../../src/database/migration/migrate.ts'
import { findAccount, type PostgresPrograms, runProgram } from '../../src/embedded-postgres/postgres-programs.ts'
import { startPostmaster, stopPostmaster } from '../../src/embedded-postgres/postmaster.ts'
import { openTestDatabase, type TestDatabase, withDatabase } from './postgres.ts'
import { readableSchemaSql } from './readable-schema.ts'

/** What a drill with `pg_dump` needs, which the embedded PostgreSQL does not bring. */
const PROGRAMS = ['initdb', 'pg_ctl', 'postgres', 'pg_dump', 'pg_restore']
const SERVER_ROLE = 'vault_server'
const OWNER_ROLE = 'vault_owner'

/** The folder of a PostgreSQL with all of its programs on this machine; undefined without one. */
export function findSystemPostgres(): string | undefined {
  const versions = '/usr/lib/postgresql'
  const ofDebian = existsSync(versions) ? readdirSync(versions).map((one) => path.join(versions, one, 'bin')) : []
  const onPath = (process.env.PATH ?? '').split(path.delimiter).filter((directory) => directory !== '')
  return [...ofDebian.toSorted().reverse(), ...onPath].find((directory) =>
    PROGRAMS.every((name) => existsSync(path.join(directory, name))),
  )
}

/** A server of that PostgreSQL with one vault's database, its owner and its server's role. */
export interface SystemCluster {
  /** A database with the vault's schema, and nothing in it. */
  database: TestDatabase
  /** Dumps the database to a file with pg_dump, in its own format. */
  dump(file: string): Promise<void>
  /** Makes another database of a dump, as the documentation says: with pg_restore, as the owner of the schema. */
  restore(file: string): Promise<TestDatabase>
  stop(): Promise<void>
}

export async function startSystemCluster(programsIn: string): Promise<SystemCluster> {
  const account = await findAccount(() => {})
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-system-postgres-'))
  const password = randomBytes(12).toString('hex')
  const passwordFile = path.join(directory, 'password')
  writeFileSync(passwordFile, password)
  const work = path.join(directory, 'work')
  mkdirSync(work)
  if (account) for (const one of [directory, passwordFile, work]) chownSync(one, account.uid, account.gid)
  const run = (name: string, args: string[]) => runProgram(path.join(programsIn, name), args, work, account)
  const cluster = path.join(directory, 'data')
  await run('initdb', [
    ...['-D', cluster, '-U', 'postgres', '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
    ...['--encoding', 'UTF8', '--locale', 'C'],
  ])
  const programs: PostgresPrograms = { account, pgCtl: path.join(programsIn, 'pg_ctl') }
  const { port } = await startPostmaster(programs, cluster)
  const urlOf = (role: string, name: string) => `postgresql://${role}:${password}@127.0.0.1:${port}/${name}`
  const maintenance = openTestDatabase({
    name: 'postgres',
    superuserUrl: urlOf('postgres', 'postgres'),
    serverUrl: urlOf('postgres', 'postgres'),
    drop: async () => {},
  })
  await maintenance.sql(`CREATE ROLE ${OWNER_ROLE} LOGIN CREATEROLE PASSWORD '${password}'`)
  await maintenance.sql(`CREATE ROLE ${SERVER_ROLE} LOGIN PASSWORD '${password}'`)
  await maintenance.sql(`GRANT ${SERVER_ROLE} TO ${OWNER_ROLE} WITH ADMIN OPTION`)

  async function create(name: string): Promise<TestDatabase> {
    await maintenance.sql(`CREATE DATABASE ${name} OWNER ${OWNER_ROLE} TEMPLATE template0 ENCODING 'UTF8'`)
    return openTestDatabase({
      name,
      superuserUrl: urlOf('postgres', name),
      serverUrl: urlOf(SERVER_ROLE, name),
      drop: async () => {},
    })
  }
  const database = await create('vault')
  await migrate({ ownerUrl: urlOf(OWNER_ROLE, 'vault'), serverRole: SERVER_ROLE })
  let count = 0
  const ownerOf = (name: string) => withDatabase(urlOf(OWNER_ROLE, 'vault'), name)
  return {
    database,
    async dump(file) {
      await run('pg_dump', ['--format=custom', `--file=${path.join(work, file)}`, `--dbname=${ownerOf('vault')}`])
    },
    async restore(file) {
      count += 1
      const name = `restored_${count}`
      const restored = await create(name)
      await run('pg_restore', ['--exit-on-error', `--dbname=${ownerOf(name)}`, path.join(work, file)])
      await restored.sql(readableSchemaSql())
      return restored
    },
    async stop() {
      await Promise.all([database.drop(), maintenance.drop()])
      await stopPostmaster(programs, cluster)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
