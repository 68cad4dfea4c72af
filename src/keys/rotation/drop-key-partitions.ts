import type { Database } from '../../database/database.ts'
import { isClosed } from '../key/closed-keys.ts'
import { isIndexPurpose } from '../key/key.ts'
import type { Keys } from '../ring/keys.ts'
import type { KeyPartitions } from '../sealing/hashed-column.ts'
import { partitionsIn } from '../sealing/key-partitions.ts'

const TRY_AGAIN_MS = 250

/**
 * Drops the partitions of index keys that are closed or destroyed. The database does so only if the partition is empty,
 * which it checks while no one else can write: so it confirms the census of the key. If a reader takes too long the
 * partition stays for the next time.
 */
export async function dropKeyPartitions(
  { database, keys }: { database: Database; keys: Pick<Keys, 'verified' | 'referencing'> },
  attempts = 1,
): Promise<void> {
  const { keys: rows, marks } = keys.verified
  const left = rows
    .filter(({ id, purpose, state }) => isIndexPurpose(purpose) && (state === 'destroyed' || isClosed(marks, id)))
    .map(({ id }) => id)
  for (const partitions of partitionsIn(keys.referencing)) {
    for (const id of await partitions.select(database, left)) await dropPatiently(partitions, database, id, attempts)
  }
}

async function dropPatiently(
  partitions: KeyPartitions,
  database: Database,
  id: string,
  attempts: number,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    if (await partitions.drop(database, id)) return
    if (attempt >= attempts) return
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
  }
}
