import { boundRowsMark } from '../key/bound-rows-mark.ts'
import { isIndexPurpose, type KeyRow } from '../key/key.ts'
import { noCardTermsMark, termMacsMark } from '../key/term-marks.ts'

/** Marks that the manifest has for a key from its making on: no value of an earlier version is under it. */
export function marksOfNewKey({ id, purpose }: Pick<KeyRow, 'id' | 'purpose'>): string[] {
  return [
    ...(isIndexPurpose(purpose) ? [termMacsMark(id)] : []),
    ...(purpose === 'index' ? [noCardTermsMark(id)] : []),
    ...(purpose === 'display' || purpose === 'secret' ? [boundRowsMark(id)] : []),
  ]
}
