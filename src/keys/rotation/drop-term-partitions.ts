import type { Database } from '../../database/database.ts'
import { isClosed } from '../key/closed-keys.ts'
import { isIndexPurpose } from '../key/key.ts'
import { dropTermsPartition, selectTermsPartitions } from '../key/term-partitions-store.ts'
import type { Keys } from '../ring/keys.ts'

const TRY_AGAIN_MS = 250

/**
 * Drops the tables of the search terms under index keys that are closed or destroyed. The database does so only if the
 * table has no term, which it checks while no one else can write: so the census of the key is proven once more. If a
 * reader takes too long the table stays for the next time.
 *
 * @returns the keys whose tables were dropped
 */
export async function dropTermPartitions(
  { database, keys }: { database: Database; keys: Pick<Keys, 'verified'> },
  attempts = 1,
): Promise<string[]> {
  const { keys: rows, marks } = keys.verified
  const left = rows.filter(({ id, purpose, state }) => {
    return isIndexPurpose(purpose) && (state === 'destroyed' || isClosed(marks, id))
  })
  const there = await selectTermsPartitions(
    database,
    left.map(({ id }) => id),
  )
  const dropped: string[] = []
  for (const id of there) if (await dropPatiently(database, id, attempts)) dropped.push(id)
  return dropped
}

async function dropPatiently(database: Database, id: string, attempts: number): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    if (await dropTermsPartition(database, id)) return true
    if (attempt >= attempts) return false
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
  }
}
