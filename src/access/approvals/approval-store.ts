import type { Queryable, Statement } from '../../database/database.ts'
import { numberOf } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import { insertReason } from './reason-store.ts'

/** `unreviewed` is a release that did not wait (break-glass), until a second person has looked at it. */
export const approvalStates = ['pending', 'approved', 'refused', 'used', 'unreviewed', 'reviewed'] as const

type ApprovalState = (typeof approvalStates)[number]

/** What one caller asks to see of one record, for one purpose. */
export interface ApprovalRequest {
  id: string
  caller: string
  role: string
  site: string
  token: string
  /**
   * The version of the record. Null for decisions from before versions were kept: such an approval releases nothing.
   */
  record_version: number | null
  fields: readonly string[]
  purpose: string
  /** An approval is for this ticket or case only. */
  ticket: string | null
  /** Which authority asks. */
  authority: string | null
  /** The third party to whose key it leaves; null if it leaves to the caller. */
  partner: string | null
}

/** A request with its decision, as far as there is one. */
export interface DecidedRequest extends ApprovalRequest {
  decided_by: string | null
  decided_at: Date | null
  /** Until when it can be approved or, once it is, used. */
  expires_at: Date
  /** How many leaves the log had when it was approved: the event of its release follows them. Null before that. */
  log_size: number | null
}

export interface Approval extends Omit<DecidedRequest, 'log_size'> {
  state: ApprovalState
  requested_at: Date
}

/** A row that says what was asked. Its MAC proves it. */
export interface AskedRow extends Approval {
  request_mac: Buffer | null
}

/** A row that says that the request was approved. Its MAC proves it. */
export interface ApprovedRow extends Approval, Pick<DecidedRequest, 'log_size'> {
  mac: Buffer | null
}

const COLUMNS =
  'id, caller, role, site, token, record_version, fields, purpose, ticket, authority, partner, state, requested_at, expires_at, decided_by, decided_at'
const APPROVED_COLUMNS = `${COLUMNS}, log_size::float8 AS log_size, mac`
const ASKED_COLUMNS = `${COLUMNS}, request_mac`

/** The same fields in the same order: they come from the order of the role. */
const SAME = `caller = $1 AND role = $2 AND site = $3 AND token = $4 AND fields = $5 AND purpose = $6
  AND authority IS NOT DISTINCT FROM $7 AND ticket IS NOT DISTINCT FROM $8 AND record_version = $9
  AND partner IS NOT DISTINCT FROM $10`

const LOCK: Statement = { name: 'lock-approvals', text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 7375))' }
const SELECT_APPROVED_SAME: Statement = {
  name: 'select-same-approved',
  text: `SELECT ${APPROVED_COLUMNS}, EXISTS (SELECT FROM approval_uses WHERE approval = a.id) AS is_used
         FROM approvals a WHERE ${SAME} AND state = 'approved' AND expires_at > $11 ORDER BY requested_at`,
}
const INSERT_USE: Statement = {
  name: 'insert-approval-use',
  text: `WITH used AS (
           INSERT INTO approval_uses (approval, event) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING approval)
         UPDATE approvals SET state = 'used' FROM used WHERE id = used.approval AND state = 'approved' RETURNING id`,
}
const SELECT_PENDING_SAME: Statement = {
  name: 'select-same-pending-approval',
  text: `SELECT ${ASKED_COLUMNS} FROM approvals
         WHERE ${SAME} AND state = 'pending' AND expires_at > $11 ORDER BY requested_at`,
}
const COUNT_OPEN: Statement = {
  name: 'count-open-approvals',
  text: `SELECT count(*)::integer AS open FROM approvals
         WHERE caller = $1 AND state = $2 AND (state = 'unreviewed' OR expires_at > $3)`,
}
const INSERT: Statement = {
  name: 'insert-approval',
  text: `INSERT INTO approvals (${COLUMNS}, request_mac)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULL, NULL, $15)
         RETURNING state = $12 AND request_mac IS NOT DISTINCT FROM $15 AS done`,
}
/** An approval without a record releases nothing. */
const LIST: Statement = {
  name: 'list-approvals',
  text: `SELECT ${ASKED_COLUMNS} FROM approvals a
         WHERE site = $1 AND state = ANY($2::text[]) AND (state NOT IN ('pending', 'approved') OR expires_at > $3)
           AND EXISTS (SELECT FROM records r WHERE r.token = id_uuid(a.token) AND r.site = $12)
           AND ($4::text IS NULL OR caller = $4) AND ($5::text IS NULL OR role = $5) AND ($6::text IS NULL OR purpose = $6)
           AND ($7::text IS NULL OR token = $7) AND ($8::text IS NULL OR starts_with(token, $8))
           AND ($9::text IS NULL OR (state <> 'unreviewed', id) > ($10::boolean, $9))
         ORDER BY (state <> 'unreviewed'), id LIMIT $11`,
}
const SELECT_ONE: Statement = {
  name: 'select-approval',
  text: `SELECT ${ASKED_COLUMNS}, reason_key, reason_sealed FROM approvals LEFT JOIN reveal_reasons ON event = id
         WHERE id = $1 AND site = $2`,
}
const DECIDE: Statement = {
  name: 'decide-approval',
  text: `UPDATE approvals SET state = $4, decided_by = $5, decided_at = $6, expires_at = $7, mac = $8, log_size = $9
         WHERE id = $1 AND site = $2 AND state = $3 AND (state = 'unreviewed' OR expires_at > $6) RETURNING id`,
}
const IS_DECIDED: Statement = {
  name: 'is-approval-decided',
  text: `SELECT state = $2 AND decided_by = $3 AND mac IS NOT DISTINCT FROM $4 AS done FROM approvals WHERE id = $1`,
}
const SELECT_APPROVED: Statement = {
  name: 'select-approved',
  text: `SELECT ${APPROVED_COLUMNS} FROM approvals WHERE state = 'approved' FOR UPDATE`,
}
const UPDATE_MAC: Statement = { name: 'update-approval-mac', text: 'UPDATE approvals SET mac = $2 WHERE id = $1' }
const SELECT_OPEN: Statement = {
  name: 'select-open-approvals',
  text: `SELECT ${ASKED_COLUMNS} FROM approvals WHERE state IN ('pending', 'unreviewed') FOR UPDATE`,
}
const UPDATE_REQUEST_MAC: Statement = {
  name: 'update-request-mac',
  text: 'UPDATE approvals SET request_mac = $2 WHERE id = $1',
}

const LAPSE: Statement = {
  name: 'lapse-approvals',
  text: `UPDATE approvals SET expires_at = $2
         WHERE token = $1 AND state IN ('pending', 'approved') AND expires_at > $2`,
}
const IS_LAPSED: Statement = {
  name: 'are-approvals-lapsed',
  text: `SELECT NOT EXISTS (
           SELECT FROM approvals WHERE token = $1 AND state IN ('pending', 'approved') AND expires_at > $2) AS done`,
}

const sameAs = (request: ApprovalRequest) => {
  const { caller, role, site, token, fields, purpose, authority, ticket, record_version, partner } = request
  return [caller, role, site, token, [...fields], purpose, authority, ticket, record_version, partner]
}

/** Waits until no other request holds this caller; until the end of the transaction. */
export async function lockApprovals(tx: Queryable, caller: string): Promise<void> {
  await tx.query(LOCK, [caller])
}

/**
 * The rows that say that exactly this was approved, the oldest first, and whether they were used before. The vault
 * leaves no used row in that state.
 */
export function findApproved(
  tx: Queryable,
  request: ApprovalRequest,
  now: Date,
): Promise<(ApprovedRow & { is_used: boolean })[]> {
  return tx.query(SELECT_APPROVED_SAME, [...sameAs(request), now])
}

/** Uses up an approval in the transaction that writes the event of its release. False when it was used before. */
export async function useApproval(tx: Queryable, id: string, event: string): Promise<boolean> {
  return (await tx.query(INSERT_USE, [id, event])).length > 0
}

/** The requests for exactly this that wait already, as their rows say. */
export function findPending(tx: Queryable, request: ApprovalRequest, now: Date): Promise<AskedRow[]> {
  return tx.query(SELECT_PENDING_SAME, [...sameAs(request), now])
}

/** How many requests of a caller are in that state and not over. */
export async function countOpen(
  tx: Queryable,
  caller: string,
  state: 'pending' | 'unreviewed',
  now: Date,
): Promise<number> {
  return (await tx.query<{ open: number }>(COUNT_OPEN, [caller, state, now]))[0]?.open ?? 0
}

/** The reason is sealed beside it, like the reason of a release. */
export async function insertApproval(
  tx: Queryable,
  request: ApprovalRequest & Pick<AskedRow, 'state' | 'requested_at' | 'expires_at' | 'request_mac'>,
  reason: { keyId: string; bytes: Buffer } | undefined,
): Promise<void> {
  const { id, caller, role, site, token, record_version, fields, purpose, ticket, authority, partner } = request
  const what = [id, caller, role, site, token, record_version, [...fields], purpose, ticket, authority, partner]
  const state = [request.state, request.requested_at, request.expires_at, request.request_mac]
  requireDone(await tx.query(INSERT, [...what, ...state]))
  await insertReason(tx, id, reason)
}

/** Where a page begins: after the request of that id, in the order of a list. */
interface ApprovalCursor {
  isUnreviewed: boolean
  id: string
}

export interface ApprovalFilter {
  site: string
  states: readonly ApprovalState[]
  caller?: string | undefined
  role?: string | undefined
  purpose?: string | undefined
  token?: string | undefined
  /** What the tokens of the wanted kind begin with. */
  tokenPrefix?: string | undefined
  after?: ApprovalCursor | undefined
  limit: number
}

/** A page of the requests for records of a site that are not over: releases to be reviewed first, then the oldest first. */
export async function selectApprovals(db: Queryable, filter: ApprovalFilter, now: Date): Promise<AskedRow[]> {
  const { site, states, caller, role, purpose, token, tokenPrefix, after, limit } = filter
  const wanted = [caller, role, purpose, token, tokenPrefix].map((value) => value ?? null)
  const behind = [after?.id ?? null, after === undefined ? null : !after.isUnreviewed]
  return db.query(LIST, [site, states, now, ...wanted, ...behind, limit, await numberOf(db, 'site', site)])
}

export interface AskedWithReason extends AskedRow {
  reason_key_id: string | null
  reason_sealed: Buffer | null
}

export async function selectApproval(db: Queryable, site: string, id: string): Promise<AskedWithReason | undefined> {
  const found = await db.query<Omit<AskedWithReason, 'reason_key_id'> & { reason_key: number | null }>(SELECT_ONE, [
    id,
    site,
  ])
  const nameOf = await db.dictionary.names(
    'key',
    found.map((row) => row.reason_key),
  )
  return found.map(({ reason_key, ...row }) => ({ ...row, reason_key_id: nameOf(reason_key) }))[0]
}

/** A decision; `mac` and `logSize` are those of an approval, else null. */
export interface Decision {
  from: ApprovalState
  to: ApprovalState
  by: string
  at: Date
  expiresAt: Date
  mac: Buffer | null
  logSize: number | null
}

/** False if it has another state by now, or is over. */
export async function decideApproval(
  tx: Queryable,
  { id, site }: Pick<Approval, 'id' | 'site'>,
  { from, to, by, at, expiresAt, mac, logSize }: Decision,
): Promise<boolean> {
  const isOpen = (await tx.query(DECIDE, [id, site, from, to, by, at, expiresAt, mac, logSize])).length > 0
  if (isOpen) requireDone(await tx.query(IS_DECIDED, [id, to, by, mac]))
  return isOpen
}

/** Approved and unused requests, locked until the end of the transaction. */
export function lockApproved(tx: Queryable): Promise<ApprovedRow[]> {
  return tx.query(SELECT_APPROVED)
}

export async function updateApprovalMac(tx: Queryable, id: string, mac: Buffer): Promise<void> {
  await tx.query(UPDATE_MAC, [id, mac])
}

/** Requests that wait for a decision or a review, locked until the end of the transaction. */
export function lockOpen(tx: Queryable): Promise<AskedRow[]> {
  return tx.query(SELECT_OPEN)
}

export async function updateRequestMac(tx: Queryable, id: string, mac: Buffer): Promise<void> {
  await tx.query(UPDATE_REQUEST_MAC, [id, mac])
}

/** Ends the open requests and the approvals for a record, because the record has changed or is gone. */
export async function lapseApprovals(tx: Queryable, token: string, now: Date): Promise<void> {
  await tx.query(LAPSE, [token, now])
  requireDone(await tx.query(IS_LAPSED, [token, now]))
}
