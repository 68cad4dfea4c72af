import type { Queryable, Statement } from '../../database/database.ts'
import { numberOf, spellOut } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import type { Sealed } from '../../keys/sealing/seal-context.ts'
import type { PrivacyRequest } from './privacy-request.ts'

/** A request as it is stored. */
export interface StoredRequest
  extends Pick<PrivacyRequest, 'id' | 'site' | 'version' | 'createdAt' | 'dueAt' | 'closedAt'> {
  facts: Sealed
}

const COLUMNS = 'id, site, version, created_at, due_at, closed_at, facts_key, facts_sealed'

const INSERT: Statement = {
  name: 'insert-privacy-request',
  text: `INSERT INTO privacy_requests (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING true AS done`,
}
const UPDATE: Statement = {
  name: 'update-privacy-request',
  text: `UPDATE privacy_requests SET version = $3, created_at = $4, due_at = $5, closed_at = $6, facts_key = $7, facts_sealed = $8
         WHERE id = $1 AND site = $2 AND version = $3 - 1 RETURNING true AS done`,
}
const IS_STORED: Statement = {
  name: 'is-privacy-request-stored',
  text: `SELECT (site, version, created_at, due_at, facts_key, facts_sealed)
                  = ($2::smallint, $3::integer, $4::timestamptz, $5::timestamptz, $7::smallint, $8::bytea)
                AND closed_at IS NOT DISTINCT FROM $6::timestamptz AS done
         FROM privacy_requests WHERE id = $1`,
}
const SELECT: Statement = {
  name: 'select-privacy-request',
  text: `SELECT ${COLUMNS} FROM privacy_requests WHERE id = $1 AND site = $2`,
}
const LOCK: Statement = { name: 'lock-privacy-request', text: `${SELECT.text} FOR UPDATE` }
const LIST: Statement = {
  name: 'list-privacy-requests',
  text: `SELECT ${COLUMNS} FROM privacy_requests
         WHERE site = $1 AND id > $2 AND ($3::boolean IS NULL OR (closed_at IS NULL) = $3)
           AND ($4::timestamptz IS NULL OR due_at <= $4)
         ORDER BY id LIMIT $5`,
}
const COUNT: Statement = {
  name: 'count-privacy-requests',
  text: `SELECT count(*)::integer AS open, (count(*) FILTER (WHERE due_at <= $1))::integer AS overdue
         FROM privacy_requests WHERE closed_at IS NULL`,
}

/** Needs a transaction, in which its event is written too. */
export async function insertRequest(tx: Queryable, request: StoredRequest): Promise<void> {
  const values = await valuesOf(tx, request)
  requireDone(await tx.query(INSERT, values))
  requireDone(await tx.query(IS_STORED, values))
}

/** Puts the next version in the place of the one before. Needs a transaction that locked the request. */
export async function updateRequest(tx: Queryable, request: StoredRequest): Promise<void> {
  const values = await valuesOf(tx, request)
  requireDone(await tx.query(UPDATE, values))
  requireDone(await tx.query(IS_STORED, values))
}

async function valuesOf(db: Queryable, request: StoredRequest): Promise<unknown[]> {
  const { id, site, version, createdAt, dueAt, closedAt, facts } = request
  const numbers = [await numberOf(db, 'site', site), await numberOf(db, 'key', facts.keyId)] as const
  return [id, numbers[0], version, createdAt, dueAt, closedAt ?? null, numbers[1], facts.bytes]
}

/** What the ids of requests look like. */
export const REQUEST_ID = /^privacy_[0-9a-z]{1,40}$/

/** @param isLocked whether it stays as it is until the transaction ends */
export async function selectRequest(
  db: Queryable,
  site: string,
  id: string,
  isLocked = false,
): Promise<StoredRequest | undefined> {
  if (!REQUEST_ID.test(id)) return undefined
  return (await stored(db, isLocked ? LOCK : SELECT, [id, await numberOf(db, 'site', site)]))[0]
}

export interface RequestPage {
  /** Only requests whose id sorts after this one. */
  after?: string | undefined
  /** Only those that are closed, or only those that are not. */
  isOpen?: boolean | undefined
  /** Only those that were due then. */
  dueBy?: Date | undefined
  limit: number
}

/** The requests of a site, the oldest first. */
export async function listRequests(db: Queryable, site: string, page: RequestPage): Promise<StoredRequest[]> {
  const { after = '', isOpen = null, dueBy = null, limit } = page
  return stored(db, LIST, [await numberOf(db, 'site', site), after, isOpen, dueBy, limit])
}

/** How many requests of all sites are not closed, and how many of them were due then. */
export async function countRequests(db: Queryable, now: Date): Promise<{ open: number; overdue: number }> {
  return (await db.query<{ open: number; overdue: number }>(COUNT, [now]))[0]!
}

interface RequestRow {
  id: string
  site: string
  version: number
  created_at: Date
  due_at: Date
  closed_at: Date | null
  facts_key_id: string
  facts_sealed: Buffer
}

async function stored(db: Queryable, statement: Statement, values: readonly unknown[]): Promise<StoredRequest[]> {
  const rows = await spellOut<RequestRow>(db, await db.query(statement, values))
  return rows.map(({ id, site, version, created_at, due_at, closed_at, facts_key_id, facts_sealed }) => ({
    id,
    site,
    version,
    createdAt: created_at,
    dueAt: due_at,
    closedAt: closed_at ?? undefined,
    facts: { keyId: facts_key_id, bytes: facts_sealed },
  }))
}
