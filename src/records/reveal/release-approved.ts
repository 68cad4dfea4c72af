import { useApproval } from '../../access/approvals/approval-store.ts'
import { findReleasesUnder } from '../../audit/event/event-lookup-store.ts'
import { WAITS } from '../../database/batch.ts'
import type { Database } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import { type Release, type ReleaseOutcome, releaseRecords } from './release-store.ts'

/** The approval under which a record leaves, and the event of the release. */
export interface ApprovalUse {
  approval: string
  event: string
}

/**
 * Commits the release of one record under an approval. The row that redeems the approval commits with the event, or
 * neither does. An approval that an event already names is not used again, even if its rows say that it is unused.
 *
 * @throws {Problem} approval-required, if it was used since it was looked up; audit-unavailable, database-unavailable
 */
export function releaseApproved(database: Database, release: Release, use: ApprovalUse): Promise<ReleaseOutcome> {
  return database.transaction(async (tx) => {
    const [outcomes] = await releaseRecords(tx, [release], true)
    if (outcomes === undefined || outcomes === WAITS) throw new Problem('busy')
    if (outcomes instanceof Error) throw outcomes
    const [outcome] = outcomes
    if (outcome !== 'released') return outcome
    if (!(await useApproval(tx, use.approval, use.event))) throw new Problem('approval-required')
    const events = await findReleasesUnder(tx, use.approval)
    if (events.some((event) => event !== use.event)) throw new Problem('approval-required')
    return outcome
  })
}
