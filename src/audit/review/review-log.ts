import type { Database } from '../../database/database.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { AuditCaller, NewAuditEvent } from '../event/audit-event.ts'
import type { WriteAuditEvent } from '../event/write-audit-event.ts'
import { authenticateWaiting } from '../log/authenticate-waiting.ts'
import type { EventAuthenticity } from '../log/event-authenticity.ts'
import type { OverdueDuty } from './overdue-duty.ts'
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
  findForged,
  findWaiting,
  selectAcknowledgements,
  selectGaps,
  selectNewPurposes,
  selectRefusalHours,
  selectRevealHours,
  selectUnreviewed,
} from './review-store.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export interface ReviewDeps {
  database: Database
  newAuditEvent: NewAuditEvent
  now: () => Date
  writeAuditEvent: WriteAuditEvent
  authenticity: EventAuthenticity
  /** What people should have done by then; other parts of the vault know of it. */
  findOverdue: (now: Date) => Promise<readonly OverdueDuty[]>
}

export interface Review {
  /** What happened from then on. */
  since: Date
  /** The time zone of the working hours, by its IANA name. */
  timeZone: string
}

/**
 * What a person should look at of what happened since then (PCI DSS 10.4.1.1), as the vault's own events say. The
 * number of reviewed events is in the log before anything of the review is shown.
 *
 * @throws {Problem} audit-unavailable
 */
export async function reviewLog(deps: ReviewDeps, caller: AuditCaller, review: Review): Promise<Finding[]> {
  const { database } = deps
  const until = deps.now()
  const findings = await findAll(deps, review, until)
  const count = await countEvents(database, { since: review.since, until })
  const read = { type: 'audit.read', outcome: 'success', caller, subject: 'review', count } as const
  await deps.writeAuditEvent(deps.newAuditEvent(read))
  return findings
}

async function findAll(deps: ReviewDeps, { since, timeZone }: Review, until: Date): Promise<Finding[]> {
  const { database, authenticity } = deps
  const { waiting, isWaitingKnown } = await authenticateWaiting(deps)
  const reviewed = { since, until, waiting }
  const before = (from: Date, ms: number) => new Date(from.getTime() - ms)
  const unreviewedSince = before(since, UNREVIEWED_DAYS * DAY_MS)
  const longAgo = { ...reviewed, since: unreviewedSince }
  const forged = await findForged(database, reviewed, isWaitingKnown)
  authenticity.tellForged(forged?.events ?? [])
  const figures: ReviewFigures = {
    reveals: await selectRevealHours(database, reviewed, { usualSince: before(since, USUAL_DAYS * DAY_MS), timeZone }),
    purposes: await selectNewPurposes(database, reviewed, before(since, PURPOSE_DAYS * DAY_MS)),
    refusals: await selectRefusalHours(database, reviewed),
    unreviewed: await selectUnreviewed(database, longAgo),
    waiting: await findWaiting(database, before(until, MAX_WAITING_SECONDS * 1000)),
    gaps: await selectGaps(database, reviewed),
    forged,
    overdue: await deps.findOverdue(until),
  }
  // A finding is acknowledged after its last event, so not before the earliest that a review can find.
  return applyReviewRules(figures, await selectAcknowledgements(database, longAgo))
}

/** There is no such finding; the message says what to do. */
class FindingNotFound extends VaultError {
  override readonly name = 'FindingNotFound'
}

/**
 * Notes that a person has looked at a finding. The review still shows it, but as done, until it gets new events.
 *
 * @param note the result, in the clear: the log keeps it
 * @throws {FindingNotFound}
 * @throws {Problem} audit-unavailable
 */
export async function acknowledgeFinding(
  deps: ReviewDeps,
  caller: AuditCaller,
  review: Review & { finding: string; note: string },
): Promise<Finding> {
  const found = (await findAll(deps, review, deps.now())).find(({ id }) => id === review.finding)
  if (found === undefined) {
    throw new FindingNotFound(
      'there is no such finding, or more belongs to it now: run "strongroom audit review" with the same --since.',
    )
  }
  const event = deps.newAuditEvent({
    type: 'audit.acknowledge',
    outcome: 'success',
    caller,
    subject: found.id,
    code: found.rule,
    note: review.note,
  })
  await deps.writeAuditEvent(event)
  return { ...found, acknowledged: { by: caller.id, at: event.occurredAt.toISOString(), note: review.note } }
}
