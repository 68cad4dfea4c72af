import type { ReencryptionTarget } from '../../keys/rotation/reencryption-target.ts'
import type { Row } from '../../keys/sealing/sealed-table.ts'
import type { RecordDeps } from '../dependencies.ts'
import { keysOfTerms } from '../record/term-keys.ts'
import { reindexUnindexed, walOfTerms } from './reindex.ts'
import { type NewTerms, replaceTerms } from './reindex-store.ts'
import { countUnindexed, readUnindexedPage } from './unindexed-cards-store.ts'

/** Other targets name a key in this place. */
const NO_KEY = 'none'

/**
 * The cards that cannot be found by their numbers, because they were stored while the search by card number was off. A
 * rotation of the index keys gives them their terms. While the search is off there are none.
 */
export function createUnindexedCards(deps: Pick<RecordDeps, 'keys' | 'kinds' | 'findsCards'>): ReencryptionTarget {
  const keyIds = () => keysOfTerms(deps.keys, 'card_number').map(({ id }) => id)
  return {
    name: 'cards without terms',
    purposes: ['card-index'],
    async census(db) {
      const count = deps.findsCards ? await countUnindexed(db, keyIds()) : 0
      return new Map(count > 0 ? [[NO_KEY, count]] : [])
    },
    readPage: (db, _oldKeys, rows, after) => readUnindexedPage(db, keyIds(), rows, after),
    reencrypt: (row) => reindexUnindexed(deps, row),
    async write(db, fresh) {
      await replaceTerms(db, fresh as readonly (Row & NewTerms)[])
      return new Map([[NO_KEY, fresh.length]])
    },
    wal: walOfTerms,
  }
}
