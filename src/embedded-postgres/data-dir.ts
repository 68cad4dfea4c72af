import { chmodSync, chownSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs'
import path from 'node:path'

/** The operating-system user that PostgreSQL runs as when we are root, since it refuses to run as root. */
export interface Account {
  uid: number
  gid: number
}

/**
 * Creates the data directory or checks an existing one, and returns its real path.
 *
 * Others may not enter it: mode 0700. When the vault runs as root, PostgreSQL runs under an account of its own that
 * must be able to pass through (and only that): mode 0710 with that account's group. The secrets in it have mode 0600
 * as well.
 */
export function prepareDataDir(dataDir: string, account: Account | undefined, log: (line: string) => void): string {
  makeDataDir(dataDir)
  const directory = realpathSync(dataDir)
  if (process.platform === 'win32') return directory
  // pg_ctl puts the path between double quotes and hands it to /bin/sh.
  if (/["$`\\\n]/.test(directory)) {
    throw new Error(`the data directory ${directory} has a quote, $ or \\ in its path; choose another one`)
  }
  const { uid, mode } = statSync(directory)
  if (uid !== process.getuid?.()) {
    throw new Error(`the data directory ${directory} belongs to another user; ${insideOf(directory)}`)
  }
  if (isOurs(directory)) {
    if (account) chownSync(directory, uid, account.gid)
    chmodSync(directory, account ? 0o710 : 0o700)
  } else if ((mode & 0o022) !== 0) {
    throw new Error(
      `the data directory ${directory} holds other files and others can write to it; ${insideOf(directory)}`,
    )
  }
  if (account) openTheWay(directory, account, log)
  return directory
}

/** @throws {Error} one sentence that says the cure */
export function makeDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(
      `the data directory ${dataDir} cannot be made (${code}); name one in STRONGROOM_DATA_DIR that the vault's user may make`,
    )
  }
}

/** The root of a volume often belongs to root and a group. */
function insideOf(directory: string): string {
  return `name one inside it that the vault makes, STRONGROOM_DATA_DIR=${path.join(directory, 'vault')}, or start the vault as its owner`
}

/** A directory with files of others keeps its mode: a mistake such as STRONGROOM_DATA_DIR=/var must not close /var. */
function isOurs(directory: string): boolean {
  return isVaultFolder(readdirSync(directory))
}

/** Whether these are the names in a folder that is empty or that a vault has used before. */
export function isVaultFolder(names: readonly string[]): boolean {
  return names.length === 0 || names.includes('database.json') || names.includes('strongroom.lock')
}

/**
 * Lets the account pass through a directory and all above it, or throws a sentence that says what to do.
 *
 * It changes only a directory of root's that is closed to all others (0700: /root, or what mkdtemp makes): it becomes
 * 0710 with the account's group, which lets it pass and neither list nor write. All other modes were decided by a
 * person and stay.
 */
export function openTheWay(target: string, account: Account, log: (line: string) => void): void {
  for (const directory of withAncestors(target)) {
    const { uid, gid, mode } = statSync(directory)
    if (mayPass({ uid, gid, mode }, account)) continue
    const permissions = (mode & 0o7777).toString(8).padStart(4, '0')
    if (uid !== 0 || (mode & 0o077) !== 0) {
      throw new Error(
        `the database runs as the user postgres, who cannot pass through ${directory} (mode ${permissions}); ` +
          `run "chmod o+x ${directory}", or start the vault as an ordinary user`,
      )
    }
    chownSync(directory, uid, account.gid)
    chmodSync(directory, (mode & 0o7700) | 0o010)
    log(
      `${directory} was closed to all but root (mode ${permissions}): the group postgres may now pass through it (0710)`,
    )
  }
}

function mayPass(directory: { uid: number; gid: number; mode: number }, account: Account): boolean {
  if (directory.uid === account.uid) return (directory.mode & 0o100) !== 0
  if (directory.gid === account.gid) return (directory.mode & 0o010) !== 0
  return (directory.mode & 0o001) !== 0
}

function withAncestors(directory: string): string[] {
  const parent = path.dirname(directory)
  return parent === directory ? [directory] : [...withAncestors(parent), directory]
}
