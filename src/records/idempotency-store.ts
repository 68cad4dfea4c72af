import { byteaArray, textArray, timestampArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import type { Sealed } from '../keys/seal.ts'

/** What is kept of an answered request: keyed hashes of who asked what, and the sealed answer. */
export interface IdempotencyRow {
  keyHash: Buffer
  requestHash: Buffer
  /** Undefined once a record in the answer was erased. */
  response: Sealed | undefined
  expiresAt: Date
}

/** The name PostgreSQL gave to the rule that a key is used once. */
export const IDEMPOTENCY_CONSTRAINT = 'idempotency_keys_pkey'

/** The column arrays of the idempotency keys in writes that have one, in the order that `insertIdempotencySql` takes them. */
export function idempotencyColumns(
  writes: readonly { now: Date; idempotency?: IdempotencyRow | undefined }[],
): Buffer[] {
  const rows = writes.flatMap(({ idempotency, now }) => (idempotency ? [{ ...idempotency, now }] : []))
  return [
    byteaArray(rows.map((row) => row.keyHash)),
    byteaArray(rows.map((row) => row.requestHash)),
    textArray(rows.map((row) => row.response?.keyId ?? null)),
    byteaArray(rows.map((row) => row.response?.bytes ?? null)),
    timestampArray(rows.map((row) => row.now)),
    timestampArray(rows.map((row) => row.expiresAt)),
  ]
}

/**
 * `INSERT` of idempotency keys from six arrays that start at parameter `$first`; with a condition, a seventh array of
 * release numbers follows for it to look at.
 */
export function insertIdempotencySql(first: number, condition?: string): string {
  const at = (offset: number, type: string) => `$${first + offset}::${type}[]`
  const release = condition === undefined ? '' : `, ${at(6, 'integer')}`
  return `INSERT INTO idempotency_keys (key_hash, request_hash, response_key_id, response_sealed, created_at, expires_at)
          SELECT key_hash, request_hash, response_key_id, response_sealed, created_at, expires_at
          FROM unnest(${at(0, 'bytea')}, ${at(1, 'bytea')}, ${at(2, 'text')}, ${at(3, 'bytea')}, ${at(4, 'timestamptz')}, ${at(5, 'timestamptz')}${release})
            AS n (key_hash, request_hash, response_key_id, response_sealed, created_at, expires_at${condition === undefined ? '' : ', release'})
          ${condition ?? ''}`
}

const SELECT: Statement = {
  name: 'select-idempotency-key',
  text: `SELECT request_hash, response_key_id, response_sealed, expires_at FROM idempotency_keys WHERE key_hash = ANY($1::bytea[])`,
}
const DELETE_EXPIRED_ONE: Statement = {
  name: 'delete-expired-idempotency-key',
  text: 'DELETE FROM idempotency_keys WHERE key_hash = ANY($1::bytea[]) AND expires_at <= $2',
}
const SWEEP: Statement = {
  name: 'sweep-idempotency-keys',
  text: `DELETE FROM idempotency_keys WHERE key_hash IN (
           SELECT key_hash FROM idempotency_keys WHERE expires_at <= $1 LIMIT 1000 FOR UPDATE SKIP LOCKED)
         RETURNING true`,
}

/** The row under any of the hashes, unless it has expired; an expired one is removed to make room. */
export async function findIdempotencyRow(
  db: Queryable,
  keyHashes: readonly Buffer[],
  now: Date,
): Promise<Omit<IdempotencyRow, 'keyHash'> | undefined> {
  const [row] = await db.query<{
    request_hash: Buffer
    response_key_id: string | null
    response_sealed: Buffer | null
    expires_at: Date
  }>(SELECT, [keyHashes])
  if (row === undefined) return undefined
  if (row.expires_at <= now) {
    await db.query(DELETE_EXPIRED_ONE, [keyHashes, now])
    return undefined
  }
  const { response_key_id, response_sealed } = row
  return {
    requestHash: row.request_hash,
    response: response_key_id && response_sealed ? { keyId: response_key_id, bytes: response_sealed } : undefined,
    expiresAt: row.expires_at,
  }
}

/** Removes what has expired, in batches, and answers with how many rows that were. */
export async function sweepIdempotencyKeys(db: Queryable, now: Date): Promise<number> {
  let removed = 0
  for (;;) {
    const batch = (await db.query(SWEEP, [now])).length
    removed += batch
    if (batch < 1000) return removed
  }
}
