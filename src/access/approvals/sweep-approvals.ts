import type { Queryable, Statement } from '../../database/database.ts'
import { sweep } from '../../database/sweep.ts'

const SWEEP: Statement = {
  name: 'sweep-approvals',
  text: `WITH over AS (
           SELECT id FROM approvals
           WHERE (state IN ('pending', 'approved', 'refused', 'used') AND expires_at < $1)
              OR (state = 'reviewed' AND decided_at < $2)
              OR (state = 'unreviewed' AND expires_at < $1
                  AND NOT EXISTS (SELECT FROM records r WHERE r.token = id_uuid(approvals.token)
                                    AND r.site = id_of('site', approvals.site)))
           LIMIT $3 FOR UPDATE SKIP LOCKED),
         swept AS (DELETE FROM approvals WHERE id IN (SELECT id FROM over) RETURNING id),
         forgotten AS (DELETE FROM reveal_reasons WHERE event IN (SELECT id FROM swept))
         SELECT id FROM swept`,
}

/**
 * Removes the uses of removed approvals. The row is deleted long after the approval, by a function that has no other
 * use.
 */
const SWEEP_USES: Statement = { name: 'sweep-approval-uses', text: 'SELECT sweep_approval_uses($1)' }

/**
 * Removes approvals that were over before then, with their reasons, and answers with their number. A release without a
 * review stays, unless it is of no record.
 */
export async function sweepApprovals(db: Queryable, before: { over: Date; reviewed: Date }): Promise<number> {
  const swept = await sweep(db, SWEEP, [before.over, before.reviewed])
  await sweep(db, SWEEP_USES, [])
  return swept
}
