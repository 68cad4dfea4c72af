import { isClosed, mayBeClosed } from '../key/closed-keys.ts'
import type { KeyPurpose } from '../key/key.ts'
import { findOlderTransactions } from './older-transactions.ts'
import type { RotateDeps } from './rotation.ts'

/**
 * The keys of these purposes that are closed if a later census finds them empty: no transaction from before they were
 * retired is left that could still store something under them. Waits for such transactions as long as a statement may
 * take.
 */
export async function findClosable(
  { database, keys }: Pick<RotateDeps, 'database' | 'keys'>,
  purposes: readonly KeyPurpose[],
): Promise<ReadonlySet<string>> {
  const closable = new Set<string>()
  for (const key of purposes.flatMap((purpose) => keys.ring.all(purpose))) {
    if (!mayBeClosed(key) || isClosed(keys.verified.marks, key.id)) continue
    const older = await findOlderTransactions(database, key.id)
    if ((await older.outlast(keys.times.statementMs)).length === 0) closable.add(key.id)
  }
  return closable
}
