import type { AuditEvent } from '../audit/audit-event.ts'
import { eventColumns, insertEventsSql } from '../audit/audit-store.ts'
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

/**
 * Writes in the order of their keys: two servers that insert the same keys then wait for each other one after the other
 * instead of in a circle.
 */
export function inKeyOrder<Write extends { idempotency?: IdempotencyRow | undefined }>(
  writes: readonly Write[],
): Write[] {
  const keyOf = ({ idempotency }: Write) => idempotency?.keyHash ?? Buffer.alloc(0)
  return [...writes].sort((a, b) => Buffer.compare(keyOf(a), keyOf(b)))
}

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
  name: 'select-idempotency-keys',
  text: `SELECT key_hash, request_hash, response_key_id, response_sealed, expires_at
         FROM idempotency_keys WHERE key_hash = ANY($1::bytea[])`,
}
const COMMIT_REPLAY: Statement = {
  name: 'commit-replay',
  text: `WITH kept AS (
           SELECT FROM idempotency_keys WHERE key_hash = $8 AND response_sealed IS NOT NULL FOR SHARE)
         ${insertEventsSql(1)} WHERE EXISTS (SELECT FROM kept) RETURNING id`,
}
const DELETE_EXPIRED_ONE: Statement = {
  name: 'delete-expired-idempotency-key',
  text: 'DELETE FROM idempotency_keys WHERE key_hash = $1 AND expires_at <= $2',
}
const SWEEP: Statement = {
  name: 'sweep-idempotency-keys',
  text: `DELETE FROM idempotency_keys WHERE key_hash IN (
           SELECT key_hash FROM idempotency_keys WHERE expires_at <= $1 LIMIT 1000 FOR UPDATE SKIP LOCKED)
         RETURNING true`,
}

/** The rows of any number of requests in one statement, each under any of its hashes; an expired one counts as none. */
export async function findIdempotencyRows(
  db: Queryable,
  lookups: readonly { keyHashes: readonly Buffer[]; now: Date }[],
): Promise<(IdempotencyRow | undefined)[]> {
  const rows = await db.query<{
    key_hash: Buffer
    request_hash: Buffer
    response_key_id: string | null
    response_sealed: Buffer | null
    expires_at: Date
  }>(SELECT, [byteaArray(lookups.flatMap(({ keyHashes }) => keyHashes))])
  const byHash = new Map(rows.map((row) => [row.key_hash.toString('hex'), row]))
  return Promise.all(
    lookups.map(async ({ keyHashes, now }) => {
      const row = keyHashes.map((hash) => byHash.get(hash.toString('hex'))).find((found) => found !== undefined)
      if (row === undefined) return undefined
      if (row.expires_at <= now) {
        // Removed at once, since it would stand in the way of the new one.
        await db.query(DELETE_EXPIRED_ONE, [row.key_hash, now])
        return undefined
      }
      const { response_key_id, response_sealed } = row
      return {
        keyHash: row.key_hash,
        requestHash: row.request_hash,
        response: response_key_id && response_sealed ? { keyId: response_key_id, bytes: response_sealed } : undefined,
        expiresAt: row.expires_at,
      }
    }),
  )
}

/**
 * Commits the event of a replay, if the answer still stands. The share lock orders it against an erasure, as it does for
 * every other release.
 *
 * @returns false when a record in the answer was erased meanwhile; then nothing may leave
 * @throws {Problem} audit-unavailable
 */
export async function commitReplay(db: Queryable, keyHash: Buffer, event: AuditEvent): Promise<boolean> {
  return (await db.query(COMMIT_REPLAY, [...eventColumns([event]), keyHash])).length === 1
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
