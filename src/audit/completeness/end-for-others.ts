import type { Queryable } from '../../database/database.ts'
import { insertClaim, updateClaim } from '../event/claim-store.ts'
import { claimText } from '../event/event-book.ts'
import { NumberRanges } from '../event/number-ranges.ts'

/**
 * Claims the end of processes whose claim was removed or exchanged, once that is reported. A process that still runs
 * claims again with its next event.
 */
export async function endForOthers(
  db: Queryable,
  processes: readonly string[],
  sign: (claim: string) => Buffer,
): Promise<void> {
  for (const process of processes) {
    const claim = claimText({ process, settled: 1, skipped: new NumberRanges(), lost: new NumberRanges() }, true)
    const signed = { process, claim, mac: sign(claim) }
    if (!(await updateClaim(db, signed))) await insertClaim(db, signed)
  }
}
