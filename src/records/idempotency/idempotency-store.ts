import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { EVENT_ARRAYS, type EventArrays, insertEventsSql, writeEvents } from '../../audit/event/audit-store.ts'
import { byteaArray, smallintArray, timestampArray } from '../../database/binary-array.ts'
import { buildStatement, type Parameters, type ParameterValues } from '../../database/build-statement.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import type { Translation } from '../../database/dictionary.ts'
import { idArray } from '../../database/id-array.ts'
import { spellOut } from '../../database/lean-rows.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import { requireDone } from '../../database/require-done.ts'
import { sweep } from '../../database/sweep.ts'
import type { Sealed } from '../../keys/sealing/seal-context.ts'

/** A request's key, hashed under one index key. */
interface KeyedRequest {
  keyHash: Buffer
  requestHash: Buffer
  /** The index key that made the hashes. */
  indexKeyId: string
}

/** What is kept of an answered request: keyed hashes of who asked what, and the sealed answer. */
export interface IdempotencyRow extends KeyedRequest {
  /** Undefined once a record in the answer was erased. */
  response: Sealed | undefined
  expiresAt: Date
  /**
   * The same request under the index keys that a rotation brings or takes away. They hold no answer. They make two
   * servers collide of which only one knows that a key was promoted.
   */
  also: readonly KeyedRequest[]
}

/** The name PostgreSQL gave to the rule that a key is used once. */
export const IDEMPOTENCY_CONSTRAINT = 'idempotency_keys_pkey'

interface ReservesKey {
  now: Date
  idempotency?: IdempotencyRow | undefined
}

/**
 * The rows that writes reserve, in the order of their keys: two servers that insert the same keys then wait for each other one
 * after the other instead of in a circle.
 */
export function reservedRows<Write extends ReservesKey>(writes: readonly Write[]) {
  return writes
    .flatMap((write) => {
      const { idempotency: row, now } = write
      if (row === undefined) return []
      const kept = { now, expiresAt: row.expiresAt, write }
      return [{ ...row, ...kept }, ...row.also.map((other) => ({ ...other, ...kept, response: undefined }))]
    })
    .sort((a, b) => Buffer.compare(a.keyHash, b.keyHash))
}

/** The ids of the keys that reserved rows name. */
export function keysOfReserved(rows: ReturnType<typeof reservedRows>): (string | null)[] {
  return rows.flatMap((row) => [row.indexKeyId, row.response?.keyId ?? null])
}

/** The arrays of reserved rows: parameters of every statement that reserves keys. */
export const IDEMPOTENCY_ARRAYS = {
  reserved_key_hash: 'bytea[]',
  reserved_request_hash: 'bytea[]',
  reserved_index_key: 'smallint[]',
  reserved_response_key: 'smallint[]',
  reserved_response_sealed: 'bytea[]',
  reserved_created_at: 'timestamptz[]',
  reserved_expires_at: 'timestamptz[]',
} as const

/**
 * The values of `IDEMPOTENCY_ARRAYS` for reserved rows.
 *
 * @param keyOf the numbers of `keysOfReserved`
 */
export function idempotencyArrays(
  rows: ReturnType<typeof reservedRows>,
  keyOf: Translation<string, number>,
): ParameterValues<typeof IDEMPOTENCY_ARRAYS> {
  return {
    reserved_key_hash: byteaArray(rows.map((row) => row.keyHash)),
    reserved_request_hash: byteaArray(rows.map((row) => row.requestHash)),
    reserved_index_key: smallintArray(rows.map((row) => keyOf(row.indexKeyId))),
    reserved_response_key: smallintArray(rows.map((row) => keyOf(row.response?.keyId ?? null))),
    reserved_response_sealed: byteaArray(rows.map((row) => row.response?.bytes ?? null)),
    reserved_created_at: timestampArray(rows.map((row) => row.now)),
    reserved_expires_at: timestampArray(rows.map((row) => row.expiresAt)),
  }
}

const COLUMNS = 'key_hash, request_hash, index_key, response_key, response_sealed, created_at, expires_at'

/** The arrays as `unnest` takes them, in the order of the columns. */
function idempotencyArraysSql(p: Parameters<typeof IDEMPOTENCY_ARRAYS>): string {
  return COLUMNS.split(', ')
    .map((column) => p[`reserved_${column}` as keyof typeof IDEMPOTENCY_ARRAYS])
    .join(', ')
}

/** `INSERT` of idempotency keys from their arrays. */
function insertIdempotencySql(p: Parameters<typeof IDEMPOTENCY_ARRAYS>): string {
  return `INSERT INTO idempotency_keys (${COLUMNS}) SELECT * FROM unnest(${idempotencyArraysSql(p)})`
}

/** The same for the rows that meet the condition. In the condition, `release` is the element of a further array. */
export function insertReleasedIdempotencySql(
  p: Parameters<typeof IDEMPOTENCY_ARRAYS>,
  releases: string,
  condition: string,
): string {
  return `INSERT INTO idempotency_keys (${COLUMNS}) SELECT ${COLUMNS}
          FROM unnest(${idempotencyArraysSql(p)}, ${releases}) AS n (${COLUMNS}, release)
          WHERE ${condition}`
}

const INSERT = buildStatement(
  'insert-idempotency-keys',
  IDEMPOTENCY_ARRAYS,
  (p) => `${insertIdempotencySql(p)} RETURNING true AS done`,
)

/** Reserves the key of one request, in the transaction of what the request does. Without a key it does nothing. */
export async function insertIdempotency(tx: Queryable, reserve: ReservesKey): Promise<void> {
  const rows = reservedRows([reserve])
  if (rows.length === 0) return
  const keyOf = await tx.dictionary.ids('key', keysOfReserved(rows))
  requireDone(await tx.query(INSERT, INSERT.valuesOf(idempotencyArrays(rows, keyOf))), rows.length)
}

const SELECT: Statement = {
  name: 'select-idempotency-keys',
  text: `SELECT key_hash, request_hash, index_key, response_key, response_sealed, expires_at
         FROM unnest(${opaqueArray('$1::bytea[]')}) AS wanted (hash) CROSS JOIN LATERAL (
           SELECT * FROM idempotency_keys WHERE key_hash = wanted.hash OFFSET 0) kept`,
}
const COMMIT_REPLAY = buildStatement(
  'commit-replay',
  { ...EVENT_ARRAYS, key_hash: 'bytea', tokens: 'uuid[]' },
  (p) => `WITH live AS MATERIALIZED (SELECT FROM hold_to_release(${p.tokens}, true)),
         kept AS MATERIALIZED (
           SELECT FROM idempotency_keys WHERE key_hash = ${p.key_hash} AND response_sealed IS NOT NULL
             AND (SELECT count(*) FROM live) = (SELECT count(DISTINCT token) FROM unnest(${p.tokens}) AS w (token))
           FOR SHARE)
         ${insertEventsSql(p)} WHERE EXISTS (SELECT FROM kept) RETURNING id`,
)
const DELETE_EXPIRED: Statement = {
  name: 'delete-expired-idempotency-keys',
  text: 'DELETE FROM idempotency_keys WHERE key_hash = ANY($1::bytea[]) AND expires_at <= $2',
}
const FORGET_ANSWER: Statement = {
  name: 'forget-unopened-answer',
  text: `DELETE FROM idempotency_keys
         WHERE key_hash = ANY($1::bytea[]) AND (response_sealed IS NULL OR response_sealed = $2)`,
}
const FREE: Statement = {
  name: 'free-idempotency-keys',
  text: 'DELETE FROM idempotency_keys WHERE key_hash = ANY($1::bytea[])',
}
const SWEEP: Statement = {
  name: 'sweep-idempotency-keys',
  text: `DELETE FROM idempotency_keys WHERE key_hash IN (
           SELECT key_hash FROM idempotency_keys WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING true`,
}

/** The rows of any number of requests in one statement, each under any of its hashes. An expired row counts as none. */
export async function findIdempotencyRows(
  db: Queryable,
  lookups: readonly { keyHashes: readonly Buffer[]; now: Date }[],
): Promise<(IdempotencyRow | undefined)[]> {
  const stored = await db.query<Record<string, unknown>>(SELECT, [
    byteaArray(lookups.flatMap(({ keyHashes }) => keyHashes)),
  ])
  const rows = await spellOut<{
    key_hash: Buffer
    request_hash: Buffer
    index_key_id: string
    response_key_id: string | null
    response_sealed: Buffer | null
    expires_at: Date
  }>(db, stored)
  const byHash = new Map(rows.map((row) => [row.key_hash.toString('hex'), row]))
  return Promise.all(
    lookups.map(async ({ keyHashes, now }) => {
      const found = keyHashes.map((hash) => byHash.get(hash.toString('hex'))).filter((row) => row !== undefined)
      const kept = found.filter((row) => row.expires_at > now)
      // If a request was reserved under several index keys, one of its rows holds the answer.
      const row = kept.find((one) => one.response_sealed !== null) ?? kept[0]
      if (row === undefined) {
        // Removed at once, since they would block the new one.
        if (found.length > 0) await db.query(DELETE_EXPIRED, [byteaArray(found.map((one) => one.key_hash)), now])
        return undefined
      }
      const { response_key_id, response_sealed } = row
      return {
        keyHash: row.key_hash,
        requestHash: row.request_hash,
        indexKeyId: row.index_key_id,
        also: [],
        response: response_key_id && response_sealed ? { keyId: response_key_id, bytes: response_sealed } : undefined,
        expiresAt: row.expires_at,
      }
    }),
  )
}

/**
 * Commits the events of a replay, at least one, if the answer and every record in it still exist. The records are
 * looked up, because a column of a record decides whether an erasure removes the answer. The locks of the records order
 * it against an erasure, as for every other release, and are taken in its order.
 *
 * @param tokens the records in the answer
 * @returns false if a record in the answer was erased in the meantime; then nothing may leave
 * @throws {Problem} audit-unavailable
 */
export async function commitReplay(
  db: Queryable,
  keyHash: Buffer,
  tokens: readonly string[],
  events: readonly AuditEvent[],
): Promise<boolean> {
  const write = (arrays: EventArrays, on: Queryable) =>
    on.query(COMMIT_REPLAY, COMMIT_REPLAY.valuesOf({ ...arrays, key_hash: keyHash, tokens: idArray(tokens) }))
  const rows = await writeEvents(db, events, write, (written) => written.length > 0)
  return rows.length > 0
}

/**
 * Removes what is kept of a request under any of its hashes, so that it is done again: the answer that does not open,
 * and the rows beside it that hold none. An answer that was stored in the meantime stays.
 */
export async function forgetAnswer(db: Queryable, keyHashes: readonly Buffer[], unopened: Buffer): Promise<void> {
  await db.query(FORGET_ANSWER, [byteaArray(keyHashes), unopened])
}

/** Removes rows, so that their keys are free again. */
export async function freeKeys(tx: Queryable, rows: readonly Pick<IdempotencyRow, 'keyHash'>[]): Promise<void> {
  await tx.query(FREE, [byteaArray(rows.map(({ keyHash }) => keyHash))])
}

/** Removes expired rows, and answers with their number. */
export function sweepIdempotencyKeys(db: Queryable, now: Date): Promise<number> {
  return sweep(db, SWEEP, [now])
}
