import type { Queryable, Statement } from '../database/database.ts'
import { sweep } from '../database/sweep.ts'

/** `unreviewed` is a release that did not wait (break-glass), until a second person has looked at it. */
export type ApprovalState = 'pending' | 'approved' | 'refused' | 'used' | 'unreviewed' | 'reviewed'

/** What one caller asks to see of one record, for one purpose. */
export interface ApprovalRequest {
  id: string
  caller: string
  role: string
  site: string
  token: string
  fields: readonly string[]
  purpose: string
  ticket: string | null
  /** Which authority asks; an approval in its name is for the case of the ticket alone. */
  authority: string | null
}

export interface Approval extends ApprovalRequest {
  state: ApprovalState
  requested_at: Date
  /** Until when it can be approved or, once it is, used. */
  expires_at: Date
  decided_by: string | null
  decided_at: Date | null
}

const COLUMNS =
  'id, caller, role, site, token, fields, purpose, ticket, authority, state, requested_at, expires_at, decided_by, decided_at'

/** The same fields in the same order: they come from the order of the role. */
const SAME = `caller = $1 AND role = $2 AND site = $3 AND token = $4 AND fields = $5 AND purpose = $6
  AND authority IS NOT DISTINCT FROM $7 AND (authority IS NULL OR ticket = $8)`

const LOCK: Statement = { name: 'lock-approvals', text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 7375))' }
const USE: Statement = {
  name: 'use-approval',
  text: `UPDATE approvals SET state = 'used'
         WHERE id = (SELECT id FROM approvals WHERE ${SAME} AND state = 'approved' AND expires_at > $9
                     ORDER BY requested_at LIMIT 1 FOR UPDATE)
         RETURNING id, expires_at, mac`,
}
const SELECT_PENDING_SAME: Statement = {
  name: 'select-same-pending-approval',
  text: `SELECT id FROM approvals WHERE ${SAME} AND state = 'pending' AND expires_at > $9 ORDER BY requested_at LIMIT 1`,
}
const COUNT_PENDING: Statement = {
  name: 'count-pending-approvals',
  text: `SELECT count(*)::integer AS pending FROM approvals WHERE caller = $1 AND state = 'pending' AND expires_at > $2`,
}
const INSERT: Statement = {
  name: 'insert-approval',
  text: `INSERT INTO approvals (${COLUMNS})
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, NULL)`,
}
const INSERT_REASON: Statement = {
  name: 'insert-approval-reason',
  text: 'INSERT INTO reveal_reasons (event, reason_key_id, reason_sealed) VALUES ($1, $2, $3)',
}
const SELECT_OPEN: Statement = {
  name: 'select-open-approvals',
  text: `SELECT ${COLUMNS} FROM approvals
         WHERE site = $1 AND (state = 'unreviewed' OR (state = 'pending' AND expires_at > $2)) ORDER BY requested_at LIMIT 100`,
}
const SELECT_ONE: Statement = {
  name: 'select-approval',
  text: `SELECT ${COLUMNS}, reason_key_id, reason_sealed FROM approvals LEFT JOIN reveal_reasons ON event = id
         WHERE id = $1 AND site = $2`,
}
const DECIDE: Statement = {
  name: 'decide-approval',
  text: `UPDATE approvals SET state = $4, decided_by = $5, decided_at = $6, expires_at = $7, mac = $8
         WHERE id = $1 AND site = $2 AND state = $3 AND (state = 'unreviewed' OR expires_at > $6) RETURNING id`,
}

const SWEEP: Statement = {
  name: 'sweep-approvals',
  text: `WITH over AS (
           SELECT id FROM approvals
           WHERE (state IN ('pending', 'approved', 'refused', 'used') AND expires_at < $1)
              OR (state = 'reviewed' AND decided_at < $2)
           LIMIT $3 FOR UPDATE SKIP LOCKED),
         swept AS (DELETE FROM approvals WHERE id IN (SELECT id FROM over) RETURNING id),
         forgotten AS (DELETE FROM reveal_reasons WHERE event IN (SELECT id FROM swept))
         SELECT id FROM swept`,
}

const sameAs = ({ caller, role, site, token, fields, purpose, authority, ticket }: ApprovalRequest) => [
  ...[caller, role, site, token, [...fields], purpose, authority, ticket],
]

/** Waits until nobody else asks for this caller; until the end of the transaction. */
export async function lockApprovals(tx: Queryable, caller: string): Promise<void> {
  await tx.query(LOCK, [caller])
}

/** Uses up an approval of exactly this; undefined when there is none. Whether it is the vault's, its MAC says. */
export async function spendApproval(
  tx: Queryable,
  request: ApprovalRequest,
  now: Date,
): Promise<{ id: string; expires_at: Date; mac: Buffer | null } | undefined> {
  const [row] = await tx.query<{ id: string; expires_at: Date; mac: Buffer | null }>(USE, [...sameAs(request), now])
  return row
}

/** The request of exactly this that waits already. */
export async function findPending(tx: Queryable, request: ApprovalRequest, now: Date): Promise<string | undefined> {
  return (await tx.query<{ id: string }>(SELECT_PENDING_SAME, [...sameAs(request), now]))[0]?.id
}

export async function countPending(tx: Queryable, caller: string, now: Date): Promise<number> {
  return (await tx.query<{ pending: number }>(COUNT_PENDING, [caller, now]))[0]?.pending ?? 0
}

/** The reason is sealed beside it, as that of a release. */
export async function insertApproval(
  tx: Queryable,
  request: ApprovalRequest & Pick<Approval, 'state' | 'requested_at' | 'expires_at'>,
  reason: { keyId: string; bytes: Buffer } | undefined,
): Promise<void> {
  const { id, caller, role, site, token, fields, purpose, ticket, authority, state, requested_at, expires_at } = request
  const what = [id, caller, role, site, token, [...fields], purpose, ticket, authority]
  await tx.query(INSERT, [...what, state, requested_at, expires_at])
  if (reason) await tx.query(INSERT_REASON, [id, reason.keyId, reason.bytes])
}

/** What waits on a site to be approved or reviewed, the oldest first. */
export function selectOpenApprovals(db: Queryable, site: string, now: Date): Promise<Approval[]> {
  return db.query(SELECT_OPEN, [site, now])
}

export async function selectApproval(
  db: Queryable,
  site: string,
  id: string,
): Promise<(Approval & { reason_key_id: string | null; reason_sealed: Buffer | null }) | undefined> {
  const [row] = await db.query<Approval & { reason_key_id: string | null; reason_sealed: Buffer | null }>(SELECT_ONE, [
    ...[id, site],
  ])
  return row
}

/** False when it is not in that state any more, or over. */
export async function decideApproval(
  tx: Queryable,
  { id, site }: Pick<Approval, 'id' | 'site'>,
  decision: { from: ApprovalState; to: ApprovalState; by: string; at: Date; expiresAt: Date; mac: Buffer },
): Promise<boolean> {
  const { from, to, by, at, expiresAt, mac } = decision
  return (await tx.query(DECIDE, [id, site, from, to, by, at, expiresAt, mac])).length > 0
}

/**
 * Removes what has been over since then, with its reasons, and answers with how many that were. What nobody has reviewed yet
 * stays.
 */
export function sweepApprovals(db: Queryable, before: { over: Date; reviewed: Date }): Promise<number> {
  return sweep(db, SWEEP, [before.over, before.reviewed])
}
