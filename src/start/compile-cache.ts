import { lstatSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import path from 'node:path'

/**
 * Imported for its effect: Node.js keeps the compiled code of what is imported from here on, and the next process does
 * not compile it again.
 *
 * The vault runs what is in the cache, so no other user may write there. The folder belongs to this user and is beside the
 * built program: a user who can write there can change the program as well. Node's default is the folder for temporary
 * files, which others share. If the folder cannot be made, as in an installation that belongs to another user, there is
 * no cache.
 */
const user = process.geteuid?.()
const folder = path.join(import.meta.dirname, '../..', `compile-cache${user === undefined ? '' : `-${user}`}`)

// The source of a program in development changes, so nothing is kept of it.
if (import.meta.filename.endsWith('.js') && isOwn(folder)) enableCompileCache(folder)

/** Whether the folder, which is made if it is not there, belongs to this user, who alone may write there. */
export function isOwn(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700, recursive: true })
    const stats = lstatSync(folder)
    return stats.isDirectory() && (user === undefined || (stats.uid === user && (stats.mode & 0o022) === 0))
  } catch {
    return false
  }
}
