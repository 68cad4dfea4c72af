import type { Database } from '../database/database.ts'
import type { AuditCaller, NewAuditEvent } from './audit-event.ts'
import type { RecordEvent } from './record-event.ts'
import {
  applyReviewRules,
  type Finding,
  MAX_WAITING_SECONDS,
  PURPOSE_DAYS,
  type ReviewFigures,
  UNREVIEWED_DAYS,
  USUAL_DAYS,
} from './review-rules.ts'
import {
  countEvents,
  findWaiting,
  selectGaps,
  selectNewPurposes,
  selectRefusalHours,
  selectRevealHours,
  selectUnreviewed,
} from './review-store.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * What a person should look at of what happened since then (PCI DSS 10.4.1.1). Over how many events it went is in the log
 * before anything of it is shown.
 *
 * @param timeZone by whose clock working hours are; a name of the IANA's
 * @throws {Problem} audit-unavailable
 */
export async function reviewLog(
  deps: { database: Database; newAuditEvent: NewAuditEvent; now: () => Date; recordEvent: RecordEvent },
  caller: AuditCaller,
  { since, timeZone }: { since: Date; timeZone: string },
): Promise<Finding[]> {
  const { database } = deps
  const until = deps.now()
  const times = { since, until }
  const before = (from: Date, ms: number) => new Date(from.getTime() - ms)
  const figures: ReviewFigures = {
    reveals: await selectRevealHours(database, times, { usualSince: before(since, USUAL_DAYS * DAY_MS), timeZone }),
    purposes: await selectNewPurposes(database, times, before(since, PURPOSE_DAYS * DAY_MS)),
    refusals: await selectRefusalHours(database, times),
    unreviewed: await selectUnreviewed(database, { since: before(since, UNREVIEWED_DAYS * DAY_MS), until }),
    waiting: await findWaiting(database, before(until, MAX_WAITING_SECONDS * 1000)),
    gaps: await selectGaps(database, times),
  }
  const count = await countEvents(database, times)
  const read = { type: 'audit.read', outcome: 'success', caller, subject: 'review', count } as const
  await deps.recordEvent(deps.newAuditEvent(read))
  return applyReviewRules(figures)
}
