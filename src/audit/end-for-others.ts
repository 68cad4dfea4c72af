import type { Queryable } from '../database/database.ts'
import { insertClaim } from './claim-store.ts'
import { claimText } from './event-book.ts'
import { NumberRanges } from './number-ranges.ts'

/**
 * Claims in the place of processes that they are over: of those of a version before, which claimed nothing, and of those whose
 * claim was removed, once that is reported.
 */
export async function endForOthers(
  db: Queryable,
  processes: readonly string[],
  sign: (claim: string) => Buffer,
): Promise<void> {
  for (const process of processes) {
    const claim = claimText({ process, settled: 1, skipped: new NumberRanges(), lost: new NumberRanges() }, true)
    await insertClaim(db, { process, claim, mac: sign(claim) })
  }
}
