import { chmodSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'

const MEMORY = '/dev/shm'
const GIB = 1024 ** 3
/** Data directories of a run and their PostgreSQL's logs take up to 2 GiB. */
const NEEDED_BYTES = 6 * GIB

/**
 * Puts the temporary files of this run into memory where there is enough of it. The tests write hundreds of databases and
 * throw them away: on a disk most of their time goes into waiting for it, and no test asks whether bytes survive a power cut.
 */
export function useScratch(): void {
  if (!hasRoom()) return
  const directory = mkdtempSync(`${MEMORY}/strongroom-`)
  // PostgreSQL and the strangers of some tests run as other users. The mode is that of /tmp.
  chmodSync(directory, 0o1777)
  process.env.TMPDIR = directory
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
}

function hasRoom(): boolean {
  if (process.platform !== 'linux' || process.env.TMPDIR !== undefined) return false
  try {
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`tmpfs ${MEMORY} `))
    // Some tests start programs that they write there.
    if (mount === undefined || mount.includes('noexec')) return false
    const { bavail, bsize } = statfsSync(MEMORY)
    return Math.min(bavail * bsize, process.availableMemory()) >= NEEDED_BYTES
  } catch {
    return false
  }
}
