import { isClosed } from '../../keys/key/closed-keys.ts'
import type { IndexPurpose, Key } from '../../keys/key/key.ts'
import { noCardTermsMark } from '../../keys/key/marks.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { confirmedBy, type SearchType } from '../../kinds/kinds.ts'

/**
 * The purpose of the keys that hash terms of that type: a term that confirms a card number is worth more to a thief
 * than the others.
 */
export function indexPurposeOf(type: SearchType): IndexPurpose {
  return confirmedBy(type) === undefined ? 'index' : 'card-index'
}

/**
 * Every key that may have terms of that type, without closed ones. Earlier versions had one key for all types: such a
 * key is used for look-ups until a rotation has emptied it.
 */
export function keysOfTerms({ ring, verified }: Pick<Keys, 'ring' | 'verified'>, type: SearchType): Key[] {
  const open = (purpose: IndexPurpose) => ring.all(purpose).filter(({ id }) => !isClosed(verified.marks, id))
  if (indexPurposeOf(type) === 'index') return open('index')
  const former = open('index').filter(({ id }) => !verified.marks.includes(noCardTermsMark(id)))
  return [...open('card-index'), ...former]
}
