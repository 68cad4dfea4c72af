import { CallerError } from '../access/callers/clients.ts'

/**
 * The notes of a file that holds one or, as an append-only copy of checkpoints does, many: each ends with its lines of
 * signatures, and empty lines may follow.
 *
 * @throws {CallerError} when the file ends in the middle of a note, or has none
 */
export function splitNotes(file: string, text: string): string[] {
  const notes = text.match(/(?:[^\n]+\n)+\n(?:\u2014 [^\n]+\n)+/gu) ?? []
  if (notes.length === 0 || notes.join('').replaceAll('\n', '') !== text.replaceAll('\n', '')) {
    throw new CallerError(`${file} holds something else than signed notes, one after the other.`)
  }
  return notes
}
