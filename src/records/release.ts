import { Problem } from '../problem.ts'
import type { RecordBatches } from './record-batches.ts'
import type { Release } from './release-store.ts'

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3

/**
 * Opens records and commits the events of their release; opens again when one was corrected or erased in between.
 * What `prepare` opened leaves only when the events have committed.
 *
 * @throws {Problem} record-changed, audit-unavailable, and whatever `prepare` throws
 */
export async function release<T>(
  batches: Pick<RecordBatches, 'release'>,
  prepare: () => Promise<{ value: T; release: Release }>,
): Promise<T> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const prepared = await prepare()
    if (await batches.release(prepared.release)) return prepared.value
  }
  throw new Problem('record-changed', { retryAfterSeconds: 1 })
}
