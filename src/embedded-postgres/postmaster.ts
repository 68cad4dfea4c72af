import { readFileSync, readlinkSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identifyProcess } from './data-dir-lock.ts'
import { type EmbeddedSizes, settingsOfSize } from './embedded-sizes.ts'
import { type PostgresPrograms, runProgram } from './postgres-programs.ts'

/**
 * Given on the command line at every start, so that they also hold for clusters that an earlier version created.
 * TCP on loopback only, no Unix socket: the path of a socket is limited to about 100 bytes, a data directory's is not.
 * Every connection authenticates with SCRAM (pg_hba.conf, written by initdb).
 */
const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'password_encryption=scram-sha-256',
  'max_connections=100',
  'maintenance_work_mem=64MB',
  'wal_compression=on',
  'jit=off',
  'fsync=on',
  'full_page_writes=on',
  'synchronous_commit=on',
  'timezone=UTC',
  'log_timezone=UTC',
  // No statement, no parameter and no value may reach the log. The messages of ordinary errors quote values
  // (`invalid input syntax for type uuid: "…"`); they go to the client, and at this level not to the log.
  'log_min_messages=log',
  'log_min_error_statement=panic',
  'log_error_verbosity=terse',
  'log_statement=none',
  'log_min_duration_statement=-1',
  'log_min_duration_sample=-1',
  'log_parameter_max_length=0',
  'log_parameter_max_length_on_error=0',
  'log_autovacuum_min_duration=-1',
  'log_checkpoints=off',
  'log_lock_waits=off',
  'log_temp_files=-1',
]

const START_SECONDS = 120
const STOP_SECONDS = 60
const MAX_LOG_BYTES = 1024 * 1024

/** A postmaster is PostgreSQL's first process; the others of the cluster are its children. */
export interface Postmaster {
  pid: number
  port: number
  /** It is shutting down, accepts no connections, and may wait for its sessions. */
  isStopping: boolean
}

/** Finds the postmaster that runs on this cluster, whichever process started it. */
export function findPostmaster(cluster: string): Postmaster | undefined {
  const file = path.join(cluster, 'postmaster.pid')
  let lines: string[]
  try {
    // Process id, directory, start, port, socket, address, shared memory, status: one a line (src/include/utils/pidfile.h).
    lines = readFileSync(file, 'latin1').split('\n')
  } catch {
    return undefined
  }
  const pid = Number(lines[0])
  if (isPostmasterOf(cluster, pid)) {
    return { pid, port: Number(lines[3] || 0), isStopping: lines[7]?.trim() === 'stopping' }
  }
  // PostgreSQL takes the file seriously as long as any process of the same user has that id, so after a crash an
  // innocent one would keep it from starting.
  rmSync(file, { force: true })
  return undefined
}

/**
 * Starts PostgreSQL on that port or a free one, with its log in `<cluster>/postgres.log`, and returns when it accepts connections.
 *
 * pg_ctl puts the postmaster into a session of its own: a Ctrl-C in our terminal must not reach it, we stop it in order.
 *
 * @throws {Error} with the reason that PostgreSQL wrote to its log
 */
export async function startPostmaster(
  programs: PostgresPrograms,
  cluster: string,
  onPort?: number,
  sizes: EmbeddedSizes = {},
): Promise<Pick<Postmaster, 'port'>> {
  const log = path.join(cluster, 'postgres.log')
  const logBytes = limitLog(log)
  const port = onPort ?? (await findFreePort())
  const settings = [...SETTINGS, ...settingsOfSize(cluster, sizes)].map((setting) => `-c ${setting}`).join(' ')
  const args = [
    '-D',
    cluster,
    '-l',
    log,
    '-w',
    '-t',
    String(START_SECONDS),
    '-s',
    '-o',
    `-p ${port} ${settings}`,
    'start',
  ]
  try {
    await runProgram(programs.pgCtl, args, cluster, programs.account)
    return { port }
  } catch (error) {
    // Up to here there was no client, so nothing in these lines can be data.
    const reason = logTail(log, logBytes)
    throw new Error(`PostgreSQL did not start; ${reason || (error as Error).message}`, { cause: error })
  }
}

/** Stops PostgreSQL, ending every connection, and returns when its process is gone; does nothing if it does not run. */
export async function stopPostmaster(programs: PostgresPrograms, cluster: string): Promise<void> {
  for (const mode of ['fast', 'immediate']) {
    const postmaster = findPostmaster(cluster)
    if (postmaster === undefined) return
    const started = identifyProcess(postmaster.pid)
    const args = ['-D', cluster, '-m', mode, '-w', '-t', String(STOP_SECONDS), '-s', 'stop']
    await runProgram(programs.pgCtl, args, cluster, programs.account).catch((error: unknown) => {
      if (mode === 'immediate' && findPostmaster(cluster)) {
        throw new Error(`PostgreSQL in ${cluster} could not be stopped; end its processes by hand`, { cause: error })
      }
    })
    if (findPostmaster(cluster) !== undefined) continue
    // pg_ctl goes by postmaster.pid, which PostgreSQL removes a moment before it ends.
    await poll(STOP_SECONDS, async () => {
      const found = identifyProcess(postmaster.pid)
      return found === undefined || found !== started ? true : undefined
    })
    return
  }
}

function isPostmasterOf(cluster: string, pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || identifyProcess(pid) === undefined) return false
  if (process.platform !== 'linux') return true
  try {
    // A postmaster works in its data directory. Ours runs as us, or we are root: either way this link is readable.
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster)
  } catch {
    return false
  }
}

/** Free at this moment: the caller must be ready to try another one. */
async function findFreePort(): Promise<number> {
  const probe = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  probe.once('error', reject).listen(0, '127.0.0.1', resolve)
  await promise
  const address = probe.address()
  await new Promise((closed) => probe.close(closed))
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1')
  return address.port
}

function limitLog(log: string): number {
  const bytes = statSync(log, { throwIfNoEntry: false })?.size ?? 0
  if (bytes <= MAX_LOG_BYTES) return bytes
  renameSync(log, `${log}.1`)
  return 0
}

function logTail(log: string, fromByte: number): string {
  try {
    const lines = readFileSync(log).subarray(fromByte).toString('utf8').split('\n')
    return lines
      .filter(
        (line) => /\b(FATAL|PANIC|HINT|LOG):/.test(line) && !/\bLOG: +(starting|listening|database system)/.test(line),
      )
      .map((line) => line.replace(/^.*?\b(FATAL|PANIC|HINT|LOG): +/, ''))
      .slice(-4)
      .join('; ')
  } catch {
    return ''
  }
}

/** Calls until it returns something else than undefined, at most for so long. */
export async function poll<T>(seconds: number, attempt: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const result = await attempt()
    if (result !== undefined || Date.now() >= deadline) return result
    await sleep(100)
  }
}
