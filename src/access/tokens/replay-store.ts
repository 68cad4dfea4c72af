import { byteaArray, timestampArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { sweep, takeTurn } from '../../database/sweep.ts'
import type { RememberedJti } from './replay-cache.ts'

/** In the order of the ids, so that two statements at once never wait for each other in a circle. */
const INSERT: Statement = {
  name: 'insert-spent-ids',
  text: `INSERT INTO spent_ids (id, expires_at)
         SELECT id, expires_at FROM unnest($1::bytea[], $2::timestamptz[]) AS spent (id, expires_at) ORDER BY id
         ON CONFLICT (id) DO NOTHING RETURNING id`,
}
/** Any number that nothing else in this database locks. */
const SWEEP_LOCK = 0x7374_7211
const SWEEP: Statement = {
  name: 'sweep-spent-ids',
  text: `WITH ${takeTurn(SWEEP_LOCK)}
         DELETE FROM spent_ids WHERE id IN (
           SELECT id FROM turn, spent_ids WHERE is_mine AND expires_at <= $1 LIMIT $2)
         RETURNING true`,
}

/** Which of the ids are new, on any server. Of two equal ids the first is; all are remembered from now on. */
export async function insertRememberedJtis(db: Queryable, spent: readonly RememberedJti[]): Promise<boolean[]> {
  const rows = await db.query<{ id: Buffer }>(INSERT, [
    byteaArray(spent.map(({ id }) => id)),
    timestampArray(spent.map(({ expiresAt }) => expiresAt)),
  ])
  const fresh = new Set(rows.map(({ id }) => id.toString('base64')))
  return spent.map(({ id }) => fresh.delete(id.toString('base64')))
}

/** Forgets the ids whose statements have expired, and answers with how many that were. */
export function sweepReplayCache(db: Queryable, now: Date): Promise<number> {
  return sweep(db, SWEEP, [now])
}
