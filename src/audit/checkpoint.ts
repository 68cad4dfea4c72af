import { hashOfBase64 } from './canonical-base64.ts'
import { NoteError, parseNote, type SignedNote } from './note.ts'

/**
 * Checkpoints, as C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint) writes them: a signed note over the origin of a log,
 * the number of its leaves, and the root of its tree.
 */
export interface Checkpoint {
  origin: string
  size: number
  /** 32 bytes. */
  root: Buffer
}

export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** What a signed note says of the log; whoever reads it verifies the signatures. @throws {NoteError} */
export function parseCheckpoint(note: string): Checkpoint & { note: SignedNote } {
  const signed = parseNote(note)
  const [origin = '', size = '', root = ''] = signed.text.split('\n')
  const bytes = hashOfBase64(root)
  const isOfTheForm = origin !== '' && /^(0|[1-9]\d{0,15})$/.test(size) && Number.isSafeInteger(Number(size))
  if (!isOfTheForm || bytes === undefined) {
    throw new NoteError('the note is no checkpoint of a log')
  }
  return { origin, size: Number(size), root: bytes, note: signed }
}
