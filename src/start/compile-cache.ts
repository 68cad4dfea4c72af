import { lstatSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import path from 'node:path'

/**
 * Imported for its effect: Node.js keeps the compiled code of what is imported from here on, and the next process does not
 * compile it again.
 *
 * Who can write the cache can change what the vault runs. So it is in a folder of this user's own beside the built program,
 * where whoever can write could change the program itself, and never in the folder for temporary files, which is Node's
 * default. Where there is no such folder, as in an installation that belongs to another user, there is no cache.
 */
const user = process.geteuid?.()
const folder = path.join(import.meta.dirname, '../..', `compile-cache${user === undefined ? '' : `-${user}`}`)

// A program that runs from its source is one that changes.
if (import.meta.filename.endsWith('.js') && isOwn(folder)) enableCompileCache(folder)

function isOwn(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700, recursive: true })
    const stats = lstatSync(folder)
    return stats.isDirectory() && (user === undefined || (stats.uid === user && (stats.mode & 0o022) === 0))
  } catch {
    return false
  }
}
