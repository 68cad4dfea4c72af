import type { Queryable, Statement } from '../../database/database.ts'
import { sweep, takeTurn } from '../../database/sweep.ts'

/** Any number that nothing else in this database locks. */
const SWEEP_LOCK = 0x7374_7211
const SWEEP: Statement = {
  name: 'sweep-spent-ids',
  text: `WITH ${takeTurn(SWEEP_LOCK)}
         DELETE FROM spent_ids WHERE id IN (
           SELECT id FROM turn, spent_ids WHERE is_mine AND expires_at <= $1 LIMIT $2)
         RETURNING true`,
}

/** Forgets the ids whose statements have expired, and answers with how many that were. */
export function sweepReplayCache(db: Queryable, now: Date): Promise<number> {
  return sweep(db, SWEEP, [now])
}
