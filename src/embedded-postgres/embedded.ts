import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { NO_INSPECTOR_SIGNAL } from '../values/inspector-signal.ts'
import { VaultError } from '../values/vault-error.ts'
import { prepareDataDir } from './data-dir.ts'
import { type DataDirLock, describeHolder, findHolder, type LockHolder, takeDataDirLock } from './data-dir-lock.ts'
import {
  createDatabaseFile,
  type DatabaseFile,
  type DatabaseUrls,
  passwordOf,
  readDatabaseFile,
  syncDirectory,
  withPort,
  writeDatabaseFile,
} from './database-file.ts'
import { createRolesAndDatabase, probe } from './embedded-maintenance.ts'
import type { EmbeddedSizes } from './embedded-sizes.ts'
import { keepRunning, type RestartEvents } from './keep-running.ts'
import { findAccount, findPrograms, type PostgresPrograms, PROGRAM_ENVIRONMENT } from './postgres-programs.ts'
import { findPostmaster, poll, startPostmaster, stopPostmaster } from './postmaster.ts'

export interface EmbeddedDatabase {
  urls: DatabaseUrls
  /** Starts PostgreSQL again whenever it ends, if this process is in charge of it. Call it once. */
  keepRunning(events: RestartEvents): void
  /** Stops PostgreSQL if this process is in charge of it. Close the connections first; more than one call does no harm. */
  stop(): Promise<void>
}

export interface EmbeddedDatabaseOptions {
  dataDir: string
  /** A server owns the database while it runs; a command uses the server's, or starts it for as long as it needs it. */
  role: 'server' | 'command'
  /** The name of the command, for processes that wait for it. */
  command?: string
  log: (line: string) => void
  waitSeconds?: number
  /** How much memory and disk PostgreSQL takes from its next start on. Default: by what there is. */
  sizes?: EmbeddedSizes
  /** Whether what is missing is created: files, roles, the user that PostgreSQL runs as. Default: it is. */
  creates?: boolean
}

/** There is no database, and none was to be created. */
export class NoEmbeddedDatabase extends VaultError {
  override readonly name = 'NoEmbeddedDatabase'
}

/** How long a postmaster without an owner has to answer, before it is stopped: it may be recovering from a crash. */
const ADOPT_SECONDS = 10

const START_ATTEMPTS = 3

/** An initdb whose parents were killed may still be writing there. */
const DISCARD = { recursive: true, force: true, maxRetries: 5 } as const

/**
 * Opens the PostgreSQL under `<dataDir>/postgres`: creates it the first time, unless forbidden, and starts it if it
 * does not run.
 *
 * `<dataDir>/strongroom.lock` names the process in charge. A second server is refused at once. A process that finds a
 * command in charge waits for it, and a command that finds a server waits until that server's database answers. After a
 * kill at any moment the next call repairs everything.
 *
 * @throws {NoEmbeddedDatabase} if it is not there and must not be created
 * @throws {Error} whose message is one sentence: what is wrong and how to correct it
 */
export async function openEmbeddedDatabase(options: EmbeddedDatabaseOptions): Promise<EmbeddedDatabase> {
  const { role, log, waitSeconds = 30, sizes = {}, creates = true } = options
  if (!creates && !hasCluster(path.resolve(options.dataDir))) {
    throw new NoEmbeddedDatabase(`there is no database in ${options.dataDir} yet`)
  }
  const beside = role === 'command' ? await findBeside(path.resolve(options.dataDir)) : undefined
  if (beside !== undefined) return sharing(beside)
  const account = await findAccount(log, creates)
  const dataDir = prepareDataDir(path.resolve(options.dataDir), account, log)
  const programs = await findPrograms(account, log)
  const own = { role, what: role === 'server' ? 'the vault' : `"strongroom ${options.command ?? 'command'}"` }

  let lastHolder: LockHolder | undefined
  const turn = await poll(waitSeconds, async () => {
    const attempt = takeDataDirLock(dataDir, own, log)
    if ('lock' in attempt) return attempt
    lastHolder = attempt.holder
    if (lastHolder.role !== 'server') return undefined
    if (role === 'server') {
      throw new Error(
        `the data directory ${dataDir} is in use by ${describeHolder(lastHolder)}; ` +
          'stop it or choose another STRONGROOM_DATA_DIR',
      )
    }
    const shared = await findAnswering(dataDir)
    return shared && { shared }
  })

  if (turn === undefined) {
    const holder = lastHolder ? describeHolder(lastHolder) : 'another process'
    throw new Error(
      lastHolder?.role === 'server'
        ? `the database of ${holder} in ${dataDir} did not answer within ${waitSeconds} s; restart the vault`
        : `the data directory ${dataDir} was still in use by ${holder} after ${waitSeconds} s; let it finish or stop it`,
    )
  }
  if ('shared' in turn) return sharing(turn.shared)
  return await takeCharge(dataDir, turn.lock, programs, { log, sizes, creates })
}

/** The database of the server that runs on this data directory. The server has prepared it for the commands beside it. */
async function findBeside(dataDir: string): Promise<DatabaseUrls | undefined> {
  const isOwn = process.platform === 'win32' || statSync(dataDir, { throwIfNoEntry: false })?.uid === process.getuid?.()
  return isOwn && findHolder(dataDir)?.role === 'server' ? findAnswering(realpathSync(dataDir)) : undefined
}

async function findAnswering(dataDir: string): Promise<DatabaseUrls | undefined> {
  const file = readDatabaseFile(dataDir)
  return file && file.port !== 0 && (await probe(file)) === 'answers' ? file.urls : undefined
}

/** The server keeps this database running and stops it. */
function sharing(urls: DatabaseUrls): EmbeddedDatabase {
  return { urls, keepRunning: () => {}, stop: async () => {} }
}

/** Holds the lock: starts the database, and gives both back when stopped. */
async function takeCharge(
  dataDir: string,
  lock: DataDirLock,
  programs: PostgresPrograms,
  { log, sizes, creates }: Required<Pick<EmbeddedDatabaseOptions, 'log' | 'sizes' | 'creates'>>,
): Promise<EmbeddedDatabase> {
  const cluster = path.join(dataDir, 'postgres')
  try {
    const known = await createIfMissing(dataDir, cluster, programs, log)
    const running =
      (await adopt(dataDir, cluster, known, programs, log)) ?? (await start(dataDir, cluster, known, programs, sizes))
    if ((await probe(running)) === 'refuses') {
      throw new Error(`${dataDir}/database.json does not hold the passwords of the database; put it back from a backup`)
    }
    if (creates) await createRolesAndDatabase(running)
    writeDatabaseFile(dataDir, running)

    let stopped: Promise<void> | undefined
    let keeper: ReturnType<typeof keepRunning> | undefined
    const stop = async () => {
      await keeper?.stop()
      await stopPostmaster(programs, cluster)
      lock.release()
    }
    return {
      urls: running.urls,
      keepRunning(events) {
        keeper ??= keepRunning({ programs, cluster, port: running.port, sizes }, events)
      },
      stop: () => {
        stopped ??= stop()
        return stopped
      },
    }
  } catch (error) {
    // The lock is removed only if nothing runs any longer; otherwise it stays as stale, and the next start adopts it.
    await stopPostmaster(programs, cluster).then(lock.release, () => {})
    throw error
  }
}

/**
 * Returns the passwords of the cluster in `<dataDir>/postgres`, creating both if there is no cluster yet.
 *
 * Passwords first, then the cluster under another name, then the rename: a cluster under its real name is complete and
 * its passwords are known.
 */
async function createIfMissing(
  dataDir: string,
  cluster: string,
  { account }: PostgresPrograms,
  log: (line: string) => void,
): Promise<DatabaseFile> {
  const leftovers = readdirSync(dataDir).filter((name) => name.startsWith('postgres-init-'))
  for (const name of leftovers) rmSync(path.join(dataDir, name), DISCARD)

  const known = readDatabaseFile(dataDir)
  if (hasCluster(dataDir)) {
    if (known) return known
    throw new Error(`${dataDir} holds a database but not database.json with its passwords; put it back from a backup`)
  }
  if (existsSync(cluster)) {
    throw new Error(`${cluster} is there but is not a database; move it away, and put back a backup if you have one`)
  }
  const file = known ?? createDatabaseFile()
  if (!known) writeDatabaseFile(dataDir, file)

  log(`creating the database in ${cluster}`)
  const workDir = mkdtempSync(path.join(dataDir, 'postgres-init-'))
  if (account) {
    chownSync(workDir, 0, account.gid)
    chmodSync(workDir, 0o710)
  }
  const databaseDir = path.join(workDir, 'cluster')
  await runInit(workDir, { databaseDir, password: passwordOf(file.urls.superuser) })
  renameSync(databaseDir, cluster)
  syncDirectory(dataDir)
  rmSync(workDir, DISCARD)
  return file
}

/** A cluster under its real name is complete. */
function hasCluster(dataDir: string): boolean {
  return existsSync(path.join(dataDir, 'postgres', 'PG_VERSION'))
}

async function runInit(workDir: string, request: { databaseDir: string; password: string }): Promise<void> {
  // The sibling has our own extension: .ts when run from the sources, .js when built.
  const here = fileURLToPath(import.meta.url)
  const program = path.join(path.dirname(here), `embedded-init${path.extname(here)}`)
  const child = spawn(process.execPath, [NO_INSPECTOR_SIGNAL, program], {
    cwd: workDir,
    env: { ...PROGRAM_ENVIRONMENT, TMPDIR: workDir, TEMP: workDir, TMP: workDir },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  // If the program ends before it has read its input, its exit code says more than the broken pipe.
  child.stdin.once('error', () => {}).end(JSON.stringify(request))
  const [code, printed] = await Promise.all([ended, text(child.stderr)])
  if (code === 0) return
  const reason = printed.split('\n').find((line) => /error/i.test(line)) ?? `exit code ${code}`
  throw new Error(`PostgreSQL could not create its files in ${workDir}: ${reason.trim()}`)
}

/**
 * A postmaster whose owner was killed keeps running: it is adopted if it takes the vault's passwords, or is stopped.
 */
async function adopt(
  dataDir: string,
  cluster: string,
  known: DatabaseFile,
  programs: PostgresPrograms,
  log: (line: string) => void,
): Promise<DatabaseFile | undefined> {
  let file: DatabaseFile | undefined
  const outcome = await poll(ADOPT_SECONDS, async () => {
    const postmaster = findPostmaster(cluster)
    if (!postmaster) return 'ended'
    file = withPort(known, postmaster.port)
    const result = postmaster.port === 0 ? 'silent' : await probe(file)
    return result === 'silent' ? undefined : result
  })
  if (outcome === 'ended') return undefined
  if (outcome === 'answers') {
    log(`took over the running database of ${dataDir}, left behind by a process that is gone`)
    return file
  }
  const reason = outcome === 'refuses' ? 'does not accept our passwords' : 'does not answer'
  log(`stopping the database of ${dataDir}: it was left behind by a process that is gone, and ${reason}`)
  await stopPostmaster(programs, cluster)
  return undefined
}

async function start(
  dataDir: string,
  cluster: string,
  known: DatabaseFile,
  programs: PostgresPrograms,
  sizes: EmbeddedSizes,
): Promise<DatabaseFile> {
  // Until it is known to be the vault's, the old port may not be used as this database's.
  writeDatabaseFile(dataDir, withPort(known, 0))
  for (let attempt = 1; ; attempt += 1) {
    try {
      return withPort(known, (await startPostmaster(programs, cluster, undefined, sizes)).port)
    } catch (error) {
      // Another program may have the port, or the children of a killed postmaster may not have noticed yet.
      if (attempt === START_ATTEMPTS) throw error
      await stopPostmaster(programs, cluster)
    }
  }
}
