import { boundRowsMark } from '../key/bound-rows-mark.ts'
import { isIndexPurpose, type KeyRow } from '../key/key.ts'
import { noCardTermsMark, termMacsMark } from '../key/term-marks.ts'

/** What the manifest remembers of a key from its making on: that nothing of an earlier version stands under it. */
export function marksOfNewKey({ id, purpose }: Pick<KeyRow, 'id' | 'purpose'>): string[] {
  return [
    ...(isIndexPurpose(purpose) ? [termMacsMark(id)] : []),
    ...(purpose === 'index' ? [noCardTermsMark(id)] : []),
    ...(purpose === 'display' || purpose === 'secret' ? [boundRowsMark(id)] : []),
  ]
}
