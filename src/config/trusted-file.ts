import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import path from 'node:path'
import { VaultError } from '../values/vault-error.ts'

/** Others can change the file, or a folder on the way to it. The message is one sentence that says the cure. */
export class UntrustedFile extends VaultError {
  override readonly name = 'UntrustedFile'
}

/** As many as Linux follows (path_resolution(7)). */
const MAX_LINKS = 40

/**
 * The text of a file that only root or the user of this process can have written: the file and its folder belong to one
 * of the two, and neither others nor a group with other members may write to them. The same holds for the folder of
 * each symbolic link on the way. Owner, mode and text come from one descriptor, so the file that is judged is the file
 * that is read. Windows has no such modes, and nothing is judged there.
 *
 * @returns undefined if there is no file
 * @throws {UntrustedFile}
 * @throws {Error} of the file system, when it cannot be read
 */
export function readTrustedFile(file: string): string | undefined {
  const descriptor = openIfThere(file)
  if (descriptor === undefined) return undefined
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw new UntrustedFile(`${file} is not a regular file: put a regular one in its place.`)
    requireTrusted(file, stats)
    for (const folder of foldersOf(file)) requireTrusted(folder, statSync(folder))
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}

/** Whether others than the owner, root and the user of this process can write there. */
export function isWritableByOthers({ mode, gid }: Pick<Stats, 'mode' | 'gid'>): boolean {
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && groupHasOthers(gid))
}

/**
 * Why others can write to a folder, in a sentence with the cure; undefined if only the user of this process can. The
 * root of a volume often belongs to root and a group: then the vault makes a folder of its own inside it.
 */
export function folderFault(folder: string, stats: Stats): string | undefined {
  const user = process.geteuid?.()
  if (user === undefined) return undefined
  const inside = `name a folder inside it that the vault makes, STRONGROOM_DATA_DIR=${path.join(folder, 'vault')}`
  if (stats.uid !== user) return `the folder ${folder} belongs to another user: ${inside}.`
  if (!isWritableByOthers(stats)) return undefined
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0')
  return `others can write to the folder ${folder} (mode ${mode}): run "chmod 700 ${folder}", or ${inside}.`
}

/** A named pipe must not block the start. */
function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function requireTrusted(file: string, stats: Stats): void {
  const user = process.geteuid?.()
  if (user === undefined) return
  if (stats.uid !== 0 && stats.uid !== user) {
    throw new UntrustedFile(
      `${file} belongs to another user: run "chown ${user} ${file}" when you trust what it holds.`,
    )
  }
  if (isWritableByOthers(stats)) {
    const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0')
    throw new UntrustedFile(`${file} can be written by others (mode ${mode}): run "chmod go-w ${file}".`)
  }
}

/** The folder of the name, and for a symbolic link also the folders of its target. */
function foldersOf(file: string): string[] {
  const folders: string[] = []
  let at = path.resolve(file)
  for (let links = 0; links <= MAX_LINKS; links += 1) {
    const folder = realpathSync(path.dirname(at))
    folders.push(folder)
    const entry = `${folder}/${path.basename(at)}`
    if (!lstatSync(entry).isSymbolicLink()) return folders
    const target = readlinkSync(entry)
    at = path.isAbsolute(target) ? target : `${folder}/${target}`
  }
  throw new UntrustedFile(`${file} is a symbolic link that leads in a circle: put a regular file in its place.`)
}

/**
 * Whether a group has members besides root and the user of this process, by /etc/group and /etc/passwd. A group that they
 * do not know may have any members; but where the user has no account either, as in a container, the group of this process
 * is the user's own.
 */
function groupHasOthers(gid: number): boolean {
  if (process.platform !== 'linux') return true
  const user = { uid: String(process.geteuid?.()), name: ownName() }
  const accounts = readEntries('/etc/passwd')
  const byPrimaryGroup = accounts.filter((account) => account[3] === String(gid)).map((account) => account[2])
  const group = readEntries('/etc/group').find((entry) => entry[2] === String(gid))
  if (group === undefined && byPrimaryGroup.length === 0) return gid !== process.getegid?.() || user.name !== undefined
  const names = (group?.[3] ?? '').split(',').filter((name) => name !== '' && name !== user.name)
  // A name without an account may be known to another directory of users.
  const byName = names.map((name) => accounts.find((account) => account[0] === name)?.[2] ?? name)
  return [...byPrimaryGroup, ...byName].some((uid) => uid !== '0' && uid !== user.uid)
}

/** Undefined for a user without an account. */
function ownName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}

/** passwd(5), group(5): one entry a line, its fields between colons. */
function readEntries(file: string): string[][] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(':'))
  } catch {
    return []
  }
}
