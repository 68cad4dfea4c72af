import type { Queryable } from '../../database/database.ts'
import { reportText } from '../event/event-book.ts'
import { NumberRanges } from '../event/number-ranges.ts'
import { insertReport, updateReport } from '../event/number-report-store.ts'

/**
 * Writes a last report for processes whose own was removed or exchanged, once the log says that their events are missing.
 * A process that still runs reports again with its next event.
 */
export async function endForOthers(
  db: Queryable,
  processes: readonly string[],
  sign: (report: string) => Buffer,
): Promise<void> {
  for (const process of processes) {
    const report = reportText({ process, settled: 1, skipped: new NumberRanges(), lost: new NumberRanges() }, true)
    const signed = { process, report, mac: sign(report) }
    if (!(await updateReport(db, signed))) await insertReport(db, signed)
  }
}
