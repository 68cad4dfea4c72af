import { smallintArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { numberOf, spellOut } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import type { KindName } from '../../kinds/registry.ts'
import { uuidOf } from '../../values/identifier.ts'

/** A hold keeps one record from being erased, for one purpose or for all of them. */
export interface Hold {
  id: string
  token: string
  kind: KindName
  site: string
  /** Null: for every purpose. */
  purpose: string | null
  /** In the clear: what a person wrote. */
  reason: string
  /** When a person has to look at it again. */
  review_at: Date
  created_at: Date
}

const INSERT: Statement = {
  name: 'insert-hold',
  text: `INSERT INTO holds (created_at, review_at, token, kind, site, id, purpose, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING true AS done`,
}

export async function insertHold(tx: Queryable, hold: Hold): Promise<void> {
  const { created_at, review_at, token, kind, site, id, purpose, reason } = hold
  const place = [uuidOf(token), await numberOf(tx, 'kind', kind), await numberOf(tx, 'site', site)]
  requireDone(await tx.query(INSERT, [created_at, review_at, ...place, id, purpose, reason]))
}

const DELETE: Statement = { name: 'delete-hold', text: 'DELETE FROM holds WHERE id = $1 RETURNING true AS done' }

export async function deleteHold(tx: Queryable, id: string): Promise<void> {
  requireDone(await tx.query(DELETE, [id]))
}

const COLUMNS = 'created_at, review_at, token, kind, site, id, purpose, reason'

const SELECT_ALL: Statement = { name: 'select-holds', text: `SELECT ${COLUMNS} FROM holds ORDER BY id` }

export async function selectHolds(db: Queryable): Promise<Hold[]> {
  return spellOut<Hold>(db, await db.query<Record<string, unknown>>(SELECT_ALL))
}

const SELECT_OF: Statement = {
  name: 'select-holds-of-record',
  text: `SELECT ${COLUMNS} FROM holds WHERE token = $1 AND kind = ANY ($2::smallint[]) ORDER BY id`,
}

/** The holds of one record. */
export async function selectHoldsOf(db: Queryable, token: string, kind: KindName): Promise<Hold[]> {
  const kinds = smallintArray([await numberOf(db, 'kind', kind)])
  return spellOut<Hold>(db, await db.query<Record<string, unknown>>(SELECT_OF, [uuidOf(token), kinds]))
}

const SELECT_POSTPONED: Statement = {
  name: 'select-postponed-tokens',
  text: `SELECT DISTINCT h.token, h.kind FROM holds h JOIN erasures e ON e.token = h.token AND e.kind = h.kind
         WHERE e.done_at IS NULL`,
}

/** The records that are kept by holds and whose erasure was ordered. */
export async function selectPostponed(db: Queryable): Promise<Set<string>> {
  const rows = await spellOut<{ token: string }>(db, await db.query<Record<string, unknown>>(SELECT_POSTPONED))
  return new Set(rows.map(({ token }) => token))
}
