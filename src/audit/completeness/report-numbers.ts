import type { Database } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import type { EventBook } from '../event/audit-event.ts'
import { insertReport, updateReport } from '../event/number-report-store.ts'

export interface ReportNumbersDeps {
  database: Database
  book: EventBook
  alert: Alert
}

/**
 * Writes a report into the database of how far this process has numbered its events, so that its last events are missed
 * like any other: every few seconds while it makes events, and when it ends. If the process was killed, its last report
 * counts.
 */
export function reportNumbers({ database, book, alert }: ReportNumbersDeps) {
  let stored: Buffer | undefined

  async function store(isClosed: boolean): Promise<void> {
    // Without keys there is nothing to sign with, and no number was given. One that made no event has nothing to report.
    if (book.isSealed || !book.isIntroduced) return
    const report = book.sign(isClosed)
    // Under another key the MAC differs too, so an idle process reports again before the old key is destroyed.
    if (stored?.equals(report.mac)) return
    if (!(await updateReport(database, report))) {
      alert('audit-missing', { process: report.process, numbers: 'its report' })
      await insertReport(database, report)
    }
    stored = report.mac
  }

  return { report: () => store(false), close: () => store(true) }
}
