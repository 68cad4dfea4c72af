import { readFile } from 'node:fs/promises'
import { CallerError } from '../access/ledger/caller-error.ts'
import { createDraftFile } from './draft-file.ts'

/** Where a reader of the log continues, in a file: the sequence number of the next event, and a line break. */
export interface CursorFile {
  /** Undefined before anything was delivered. @throws {CallerError} when the file holds something else */
  read(): Promise<number | undefined>
  /** Durable when it returns. */
  write(next: number): Promise<void>
}

export function cursorFile(name: string): CursorFile {
  return {
    async read() {
      const text = await readFile(name, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw new CallerError(`${name} cannot be read (${error.code}).`)
      })
      if (text === undefined) return undefined
      if (!/^\d{1,15}\n$/.test(text)) throw new CallerError(`${name} is not a cursor of "audit tail".`)
      return Number(text)
    },
    async write(next) {
      const draft = await createDraftFile(name)
      try {
        await draft.write(`${next}\n`)
        await draft.commit()
      } catch (error) {
        await draft.discard()
        throw error
      }
    },
  }
}
