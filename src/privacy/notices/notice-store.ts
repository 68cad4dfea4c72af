import type { Queryable, Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'
import { sweep } from '../../database/sweep.ts'

/** A notice as it is stored. */
export interface StoredNotice {
  id: string
  /** The event that says what the notice is about. */
  event: string
  /** How many attempts there were, this one among them. */
  attempts: number
  createdAt: Date
  nextAt: Date
  deliveredAt: Date | null
  /** Why the last attempt failed. */
  fault: string | null
}

const COLUMNS = `id, event, attempts, created_at AS "createdAt", next_at AS "nextAt", delivered_at AS "deliveredAt", fault`

const INSERT: Statement = {
  name: 'insert-notice',
  text: `INSERT INTO notices (id, event, created_at, next_at) VALUES ($1, $2, $3, $3) RETURNING true AS done`,
}
/** Who claims a notice sends it. If the process dies, another one sends it again after the pause. */
const CLAIM: Statement = {
  name: 'claim-notices',
  text: `UPDATE notices SET attempts = attempts + 1,
           next_at = $1::timestamptz + least($3::float8, $4::float8 * 2 ^ least(attempts, 20)) * interval '1 millisecond'
         WHERE id IN (SELECT id FROM notices WHERE delivered_at IS NULL AND next_at <= $1 ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING ${COLUMNS}`,
}
const DELIVERED: Statement = {
  name: 'mark-notice-delivered',
  text: 'UPDATE notices SET delivered_at = $2, fault = NULL WHERE id = $1 AND delivered_at IS NULL RETURNING true AS done',
}
const FAILED: Statement = {
  name: 'mark-notice-failed',
  text: 'UPDATE notices SET fault = $2 WHERE id = $1 AND delivered_at IS NULL',
}
const LIST: Statement = {
  name: 'list-notices',
  text: `SELECT ${COLUMNS}, (SELECT body FROM audit_events e WHERE e.id = id_uuid(notices.event)) AS body
         FROM notices WHERE delivered_at IS NULL OR NOT $1 ORDER BY created_at, id LIMIT $2`,
}
const COUNT: Statement = {
  name: 'count-notices',
  text: `SELECT count(*)::integer AS waiting, (count(*) FILTER (WHERE attempts > 0))::integer AS undelivered
         FROM notices WHERE delivered_at IS NULL`,
}
const SWEEP: Statement = {
  name: 'sweep-notices',
  text: `DELETE FROM notices WHERE id IN (
           SELECT id FROM notices WHERE delivered_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING true`,
}

export async function insertNotice(tx: Queryable, notice: { id: string; event: string; at: Date }): Promise<void> {
  requireDone(await tx.query(INSERT, [notice.id, notice.event, notice.at]))
}

/** The notices that are due. Nothing else sends them until their next attempt is due. */
export function claimNotices(
  db: Queryable,
  now: Date,
  most: number,
  pause: { firstMs: number; longestMs: number },
): Promise<StoredNotice[]> {
  return db.query(CLAIM, [now, most, pause.longestMs, pause.firstMs])
}

/** False when another process has delivered it meanwhile. */
export async function markDelivered(tx: Queryable, id: string, at: Date): Promise<boolean> {
  return (await tx.query(DELIVERED, [id, at])).length > 0
}

export async function markFailed(db: Queryable, id: string, fault: string): Promise<void> {
  await db.query(FAILED, [id, fault])
}

/** A notice with what its event says: which partner it is for, and what was corrected. */
export interface ListedNotice extends StoredNotice {
  partner: string | null
  record: string | null
  fields: readonly string[]
}

/** The notices, the oldest first. What their events say is not verified: it is for a person to read. */
export async function selectNotices(db: Queryable, onlyWaiting: boolean, most: number): Promise<ListedNotice[]> {
  const rows = await db.query<StoredNotice & { body: string | null }>(LIST, [onlyWaiting, most])
  return rows.map(({ body, ...notice }) => {
    const {
      partner = null,
      token = null,
      fields = [],
    } = JSON.parse(body ?? '{}') as {
      [member in 'partner' | 'token']?: string
    } & { fields?: string[] }
    return { ...notice, partner, record: token, fields }
  })
}

/** How many notices wait, and how many of them were tried in vain. */
export async function countNotices(db: Queryable): Promise<{ waiting: number; undelivered: number }> {
  return (await db.query<{ waiting: number; undelivered: number }>(COUNT))[0]!
}

/** Removes what was delivered before then. */
export function sweepNotices(db: Queryable, before: Date): Promise<number> {
  return sweep(db, SWEEP, [before])
}
