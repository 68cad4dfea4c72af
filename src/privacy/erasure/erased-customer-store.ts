import { byteaArray, smallintArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { numberOf, smallNumbers, spellOut } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import { countMovedSql } from '../../keys/rotation/reencrypt-store.ts'
import type { KeyCounts, Page } from '../../keys/rotation/reencryption-target.ts'
import { CENSUS_TIMEOUT_MS, type Row } from '../../keys/sealing/sealed-table.ts'
import type { ErasedPlace } from '../../records/change/erasure-ledger.ts'
import type { ErasedCustomer } from './erased-customer.ts'

/** What is written when the record is gone. */
export interface DoneErasure {
  tokenHash: Buffer
  /** Whose record it was; undefined when that is not known. */
  customer: ErasedCustomer | undefined
}

/** What is known of the customer already stays where nothing more is known. */
const FINISH: Statement = {
  name: 'finish-erasures',
  text: `UPDATE erasures e SET done_at = coalesce(done_at, $5),
           (customer, customer_mac, customer_key) = (
             SELECT n.customer, n.mac, n.key WHERE n.customer IS NOT NULL
             UNION ALL SELECT e.customer, e.customer_mac, e.customer_key WHERE n.customer IS NULL)
         FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::smallint[]) AS n (token_hash, customer, mac, key)
         WHERE e.token_hash = n.token_hash RETURNING true AS done`,
}

/** Says that the records of these lines were removed, and whose they were. */
export async function finishErasures(tx: Queryable, done: readonly DoneErasure[], at: Date): Promise<void> {
  const values = [
    byteaArray(done.map(({ tokenHash }) => tokenHash)),
    byteaArray(done.map(({ customer }) => customer?.digest ?? null)),
    byteaArray(done.map(({ customer }) => customer?.mac ?? null)),
    await smallNumbers(
      tx,
      'key',
      done.map(({ customer }) => customer?.keyId ?? null),
    ),
  ]
  requireDone(await tx.query(FINISH, [...values, at]), done.length)
}

/** An erased record, and what the ledger keeps of its customer. */
export interface ErasedRow extends ErasedPlace {
  done_at: Date
  customer: Buffer
  customer_mac: Buffer | null
  customer_key_id: string | null
}

const SELECT: Statement = {
  name: 'select-erased-of-customer',
  text: `SELECT token, kind, site, done_at, customer, customer_mac, customer_key FROM erasures
         WHERE customer = ANY ($1::bytea[]) AND customer <> '' AND done_at IS NOT NULL AND site = $2
         ORDER BY done_at DESC, token LIMIT $3`,
}

/** The erased records of a site that are kept under one of these hashes, the latest first. */
export async function selectErasedOf(
  db: Queryable,
  site: string,
  digests: readonly Buffer[],
  most: number,
): Promise<ErasedRow[]> {
  const values = [byteaArray(digests), await numberOf(db, 'site', site), most]
  return spellOut<ErasedRow>(db, await db.query<Record<string, unknown>>(SELECT, values))
}

const LATEST_UNKNOWN: Statement = {
  name: 'latest-erasure-of-unknown',
  text: `SELECT max(done_at) AS at FROM erasures WHERE site = $1 AND customer IS NULL AND done_at IS NOT NULL`,
}

/** When a record of the site was erased last of which it is not known whose it was. */
export async function latestUnknown(db: Queryable, site: string): Promise<Date | null> {
  const [row] = await db.query<{ at: Date | null }>(LATEST_UNKNOWN, [await numberOf(db, 'site', site)])
  return row?.at ?? null
}

const CENSUS: Statement = {
  name: 'census-customers-of-erased',
  text: 'SELECT customer_key AS key, count(*)::integer AS count FROM erasures WHERE customer_key IS NOT NULL GROUP BY 1',
  timeoutMs: CENSUS_TIMEOUT_MS,
}

export async function countCustomers(db: Queryable): Promise<KeyCounts> {
  const rows = await spellOut<{ key_id: string; count: number }>(db, await db.query(CENSUS))
  return new Map(rows.map(({ key_id, count }) => [key_id, count]))
}

const READ_PAGE: Statement = {
  name: 'read-customers-of-erased',
  text: `SELECT token_hash, customer_key AS key FROM erasures
         WHERE customer_key = ANY ($1::smallint[]) AND token_hash > $2 ORDER BY token_hash LIMIT $3`,
}

/** Lines whose customer is kept under one of the keys. */
export async function readCustomers(
  db: Queryable,
  oldKeys: readonly string[],
  limit: number,
  [after = Buffer.alloc(0)] = [] as readonly unknown[],
): Promise<Page> {
  const values = [await smallNumbers(db, 'key', oldKeys), after, limit]
  const rows = await spellOut<Row>(db, await db.query<Record<string, unknown>>(READ_PAGE, values))
  return { rows, next: rows.length < limit ? undefined : [rows.at(-1)!.token_hash] }
}

const FORGET: Statement = {
  name: 'forget-customers-of-erased',
  text: `WITH gone AS (
           UPDATE erasures e SET customer = NULL, customer_key = NULL, customer_mac = NULL
           FROM unnest($1::bytea[], $2::smallint[]) AS n (token_hash, key)
           WHERE e.token_hash = n.token_hash AND e.customer_key = n.key RETURNING n.key),
         ${countMovedSql("SELECT name_of('key', key) AS key_id FROM gone")}`,
}

/** Forgets whose these records were, and counts for each key how many. */
export async function forgetCustomers(db: Queryable, rows: readonly Row[]): Promise<KeyCounts> {
  const keyOf = await db.dictionary.ids(
    'key',
    rows.map(({ key_id }) => key_id as string),
  )
  const counts = await db.query<{ key_id: string; count: number }>(FORGET, [
    byteaArray(rows.map(({ token_hash }) => token_hash as Buffer)),
    smallintArray(rows.map(({ key_id }) => keyOf(key_id as string))),
  ])
  return new Map(counts.map(({ key_id, count }) => [key_id, count]))
}
