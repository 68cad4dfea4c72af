import type { Database } from '../../database/database.ts'
import { countNotices } from '../../privacy/notices/notice-store.ts'
import { countRequests } from '../../privacy/requests/request-store.ts'
import type { Finding } from './doctor.ts'

/** What people should have done for shoppers by now, and what partners have not taken: each is a warning. */
export async function examineDuties(database: Database, now = new Date()): Promise<Finding[]> {
  const { overdue } = await countRequests(database, now)
  const { undelivered } = await countNotices(database)
  return [
    ...warning(
      overdue,
      'requests-overdue',
      'requests of shoppers should have been answered by now: GET /v1/requests?state=overdue lists those of a site.',
    ),
    ...warning(
      undelivered,
      'notices-undelivered',
      'notices to partners were not taken: "strongroom notices list" says why, and they are tried again.',
    ),
  ]
}

function warning(count: number, code: string, sentence: string): Finding[] {
  return count === 0 ? [] : [{ code, severity: 'warning', detail: `${count} ${sentence}` }]
}
