import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { syncDirectory } from '../embedded-postgres/database-file.ts'

/** A file that is complete or absent, also after a loss of power, and that only its owner can read. */
export interface DraftFile {
  write(text: string): Promise<void>
  /** Takes the place of the file of that name. */
  commit(): Promise<void>
  /** Removes the file unless it was committed. */
  discard(): Promise<void>
}

/** Creates the file beside the one that it will replace. @throws when the folder cannot be written to */
export async function createDraftFile(name: string): Promise<DraftFile> {
  const draft = `${name}.draft`
  // A file that a killed process left. A link in its place is removed, not followed.
  await rm(draft, { force: true })
  const file = await open(draft, 'wx', 0o600)
  return {
    async write(text) {
      await file.writeFile(text)
    },
    async commit() {
      await file.sync()
      await file.close()
      await rename(draft, name)
      syncDirectory(path.dirname(path.resolve(name)))
    },
    async discard() {
      await file.close()
      await rm(draft, { force: true })
    },
  }
}
