import { open } from 'node:fs/promises'
import { type Checkpoint, parseCheckpoint } from '../formats/checkpoint.ts'
import { NoteError, type SignedNote } from '../formats/signed-note.ts'

/** A checkpoint as a file has it; nothing in it is verified yet. */
export interface ReadCheckpoint extends Checkpoint {
  text: string
  note: SignedNote
}

/** Notes as `ship-note.ts` adds them, one after the other. */
const NOTES = /(?:[^\n]+\n)+\n(?:\u2014 [^\n]+\n)+/gu

/**
 * The checkpoints in the last bytes of a file. Anything else, such as half a note, is skipped. Empty if the file does
 * not exist yet.
 *
 * @throws {NodeJS.ErrnoException} when the file cannot be read
 */
export async function readNotes(file: string, lastBytes: number): Promise<ReadCheckpoint[]> {
  const text = await readTail(file, lastBytes)
  return [...text.matchAll(NOTES)].flatMap(([note]) => {
    try {
      return [{ ...parseCheckpoint(note), text: note }]
    } catch (error) {
      if (error instanceof NoteError) return []
      throw error
    }
  })
}

async function readTail(file: string, lastBytes: number): Promise<string> {
  let handle: Awaited<ReturnType<typeof open>>
  try {
    handle = await open(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
  try {
    const { size } = await handle.stat()
    const length = Math.min(size, lastBytes)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}
