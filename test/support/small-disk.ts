import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A small file system of its own, in memory, that can be filled to the last byte. */
export interface SmallDisk {
  directory: string
  fill(): void
  free(): void
  unmount(): void
}

/**
 * Mounts one that belongs to the owner of `ownedLike`.
 *
 * @returns why that cannot be done here: it takes Linux, and root or a sudo that asks for nothing
 */
export function mountSmallDisk(ownedLike: string, megabytes = 4): SmallDisk | string {
  if (process.platform !== 'linux') return 'only Linux mounts a file system in memory'
  const { uid, gid } = statSync(ownedLike)
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-disk-'))
  const asRoot = (...command: string[]) => {
    const [program = '', ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command]
    execFileSync(program, args, { stdio: 'ignore' })
  }
  try {
    asRoot('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700,uid=${uid},gid=${gid}`, 'none', directory)
  } catch {
    rmdirSync(directory)
    return 'no file system can be mounted here'
  }
  const ballast = path.join(directory, 'ballast')
  return {
    directory,
    fill() {
      const file = openSync(ballast, 'a')
      for (const size of [64 * 1024, 4096, 1]) {
        const chunk = Buffer.alloc(size, 1)
        try {
          while (writeSync(file, chunk) > 0);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        }
      }
      closeSync(file)
    },
    free: () => rmSync(ballast, { force: true }),
    unmount() {
      asRoot('umount', '-l', directory)
      rmdirSync(directory)
    },
  }
}
