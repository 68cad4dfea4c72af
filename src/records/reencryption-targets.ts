import type { ReencryptionTarget } from '../keys/rotation/reencryption-target.ts'
import { createSealedValues } from '../keys/rotation/sealed-values.ts'
import type { RecordDeps } from './dependencies.ts'
import { createSearchTerms } from './reindex/reindex.ts'
import { createUnindexedCards } from './reindex/unindexed-cards.ts'

/** Everything that a rotation of keys moves. */
export function createReencryptionTargets(
  deps: Pick<RecordDeps, 'keys' | 'kinds' | 'findsCards'>,
): ReencryptionTarget[] {
  return [...createSealedValues(deps.keys), createSearchTerms(deps), createUnindexedCards(deps)]
}
