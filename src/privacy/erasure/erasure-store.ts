import { byteaArray, smallintArray, textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { FIRST_UUID, smallNumbers, spellOut } from '../../database/lean-rows.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import { requireDone } from '../../database/require-done.ts'
import type { KindName } from '../../kinds/registry.ts'
import type { ErasedPlace } from '../../records/change/erasure-ledger.ts'
import type { Token } from '../../records/record/token.ts'
import { uuidOf } from '../../values/identifier.ts'

/** A line of the ledger as it is stored, before its signature is looked at. */
export interface StoredErasure extends ErasedPlace {
  ordered_at: Date
  done_at: Date | null
  token_hash: Buffer
  line: string
}

/** What is written of an erasure. */
export interface NewErasure extends ErasedPlace {
  orderedAt: Date
  tokenHash: Buffer
  line: string
}

const inserting = (name: string, onConflict: string): Statement => ({
  name,
  text: `INSERT INTO erasures (ordered_at, token, kind, site, token_hash, line, filed_at)
         SELECT ordered_at, token, kind, site, token_hash, line, $7
         FROM unnest($1::timestamptz[], $2::uuid[], $3::smallint[], $4::smallint[], $5::bytea[], $6::text[])
           AS e (ordered_at, token, kind, site, token_hash, line)
         ON CONFLICT ${onConflict} RETURNING token, kind, true AS done`,
})
const INSERT = inserting('insert-erasures', 'DO NOTHING')
const REPLACE = inserting(
  'replace-erasures',
  `(token_hash) DO UPDATE SET ordered_at = excluded.ordered_at, done_at = NULL, filed_at = excluded.filed_at, sent_at = NULL,
     token = excluded.token, kind = excluded.kind, site = excluded.site, line = excluded.line,
     customer = NULL, customer_mac = NULL, customer_key = NULL`,
)
const IS_THERE: Statement = {
  name: 'are-erasures-there',
  text: `SELECT count(*) = cardinality($1::bytea[]) AS done FROM erasures WHERE token_hash = ANY ($1::bytea[])`,
}

/**
 * Writes the lines of records that have none, and answers with the tokens of those.
 *
 * @param filedAt since when the lines are in every file outside; null when they are not known to be
 * @param replaces whether the rows that are there go: the vault has not written them
 */
export async function insertErasures(
  tx: Queryable,
  erasures: readonly NewErasure[],
  filedAt: Date | null = null,
  replaces = false,
): Promise<Set<string>> {
  if (erasures.length === 0) return new Set()
  const hashes = byteaArray(erasures.map(({ tokenHash }) => tokenHash))
  const rows = await tx.query<Record<string, unknown>>(replaces ? REPLACE : INSERT, [
    erasures.map(({ orderedAt }) => orderedAt),
    idArray(erasures.map(({ token }) => token)),
    await smallNumbers(
      tx,
      'kind',
      erasures.map(({ kind }) => kind),
    ),
    await smallNumbers(
      tx,
      'site',
      erasures.map(({ site }) => site),
    ),
    hashes,
    textArray(erasures.map(({ line }) => line)),
    filedAt,
  ])
  requireDone(await tx.query(IS_THERE, [hashes]))
  return new Set((await spellOut<{ token: string }>(tx, rows)).map(({ token }) => token))
}

const COLUMNS = 'ordered_at, done_at, token, kind, site, token_hash, line'

const FIND: Statement = {
  name: 'find-erasures',
  text: `SELECT ${COLUMNS} FROM erasures WHERE token_hash = ANY ($1::bytea[])`,
}

export function findErasures(db: Queryable, hashes: readonly Buffer[]): Promise<StoredErasure[]> {
  return stored(db, FIND, [byteaArray(hashes)])
}

const SELECT_UNDONE: Statement = {
  name: 'select-undone-erasures',
  text: `SELECT ${COLUMNS} FROM erasures WHERE done_at IS NULL AND (ordered_at, token_hash) > ($1::timestamptz, $2::bytea)
           AND ordered_at <= $3 ORDER BY ordered_at, token_hash LIMIT $4`,
}

/** Erasures that were ordered before then and not done, the oldest first, in pages. */
export async function* selectUndone(db: Queryable, before: Date, page = 200): AsyncGenerator<StoredErasure[]> {
  let after: Pick<StoredErasure, 'ordered_at' | 'token_hash'> = {
    ordered_at: new Date(0),
    token_hash: Buffer.alloc(0),
  }
  for (;;) {
    const rows = await stored(db, SELECT_UNDONE, [after.ordered_at, after.token_hash, before, page])
    if (rows.length > 0) yield rows
    if (rows.length < page) return
    after = rows.at(-1)!
  }
}

/** Where a line has to arrive: in files, or at commands and URLs. */
export type Way = 'filed' | 'sent'

const selectDue = (way: Way): Statement => ({
  name: `select-erasures-not-${way}`,
  text: `SELECT ${COLUMNS} FROM erasures WHERE ${way}_at IS NULL AND done_at IS NOT NULL ORDER BY done_at LIMIT $1`,
})
const DUE: Record<Way, Statement> = { filed: selectDue('filed'), sent: selectDue('sent') }

/** Lines of erasures that were done and did not arrive that way yet. What is postponed is not shipped. */
export function selectUnshipped(db: Queryable, way: Way, most: number): Promise<StoredErasure[]> {
  return stored(db, DUE[way], [most])
}

const mark = (way: Way): Statement => ({
  name: `mark-erasures-${way}`,
  text: `UPDATE erasures SET ${way}_at = $2 WHERE token_hash = ANY ($1::bytea[]) AND ${way}_at IS NULL`,
})
const MARK: Record<Way, Statement> = { filed: mark('filed'), sent: mark('sent') }

export async function markShipped(db: Queryable, way: Way, hashes: readonly Buffer[], at: Date): Promise<void> {
  await db.query(MARK[way], [byteaArray(hashes), at])
}

const FIND_KEPT: Statement = {
  name: 'find-kept-erasures',
  text: `SELECT e.token_hash, e.token, e.kind FROM unnest(${opaqueArray('$1::bytea[]')}) AS wanted (hash)
         CROSS JOIN LATERAL (SELECT * FROM erasures WHERE token_hash = wanted.hash OFFSET 0) e
         CROSS JOIN LATERAL (SELECT * FROM records WHERE token = e.token OFFSET 0) r
         WHERE r.kind = e.kind AND (e.done_at IS NULL OR r.erased_at IS NOT NULL)`,
}

/** Those of the hashes whose erasure this database knows, and has done or postponed: their rows, to be compared. */
export async function findKept(
  db: Queryable,
  hashes: readonly Buffer[],
): Promise<{ token_hash: Buffer; token: string }[]> {
  return spellOut(db, await db.query<Record<string, unknown>>(FIND_KEPT, [byteaArray(hashes)]))
}

const SELECT_RECORDS: Statement = {
  name: 'select-tokens-of-records',
  text: `SELECT token, kind, site FROM records WHERE token > $1 ORDER BY token LIMIT $2`,
}
const SELECT_ERASED: Statement = {
  name: 'select-erased-tokens',
  text: `SELECT r.token, r.kind, r.site, r.erased_at FROM records r
         WHERE r.token > $1 AND r.erased_at IS NOT NULL AND NOT EXISTS (SELECT FROM erasures e WHERE e.token_hash = any (
           SELECT sha256(convert_to(uuid_id(p.prefix, r.token), 'UTF8')) FROM unnest($3::smallint[], $4::text[]) AS p (kind, prefix) WHERE p.kind = r.kind))
         ORDER BY r.token LIMIT $2`,
}

/** How many records are looked at in a statement. */
const RECORDS_AT_A_TIME = 5_000

/** Every record, in the order of the tokens. */
export async function* walkRecords(db: Queryable): AsyncGenerator<ErasedPlace[]> {
  for (let after = FIRST_UUID; ; ) {
    const rows = await db.query<{ token: string }>(SELECT_RECORDS, [after, RECORDS_AT_A_TIME])
    if (rows.length === 0) return
    after = rows.at(-1)!.token
    yield await spellOut<ErasedPlace>(db, rows)
  }
}

/** Erased records without a line: a version without a ledger has erased them. In the order of the tokens. */
export async function selectUnlisted(
  db: Queryable,
  after: Token | undefined,
  prefixes: Readonly<Record<KindName, string>>,
  most: number,
): Promise<(ErasedPlace & { erased_at: Date })[]> {
  const kinds = Object.keys(prefixes) as KindName[]
  const numbers = await db.dictionary.ids('kind', kinds)
  const rows = await db.query<Record<string, unknown>>(SELECT_ERASED, [
    (after && uuidOf(after)) ?? FIRST_UUID,
    most,
    smallintArray(kinds.map(numbers)),
    textArray(kinds.map((kind) => prefixes[kind])),
  ])
  return spellOut(db, rows)
}

const COUNT: Statement = {
  name: 'count-erasures',
  text: `SELECT count(*) FILTER (WHERE done_at IS NULL)::integer AS undone,
                count(*) FILTER (WHERE filed_at IS NULL AND done_at IS NOT NULL)::integer AS unfiled,
                count(*) FILTER (WHERE sent_at IS NULL AND done_at IS NOT NULL)::integer AS unsent
         FROM erasures WHERE done_at IS NULL OR filed_at IS NULL OR sent_at IS NULL`,
}

/** How many erasures wait: for being done, and for their way outside. */
export interface WaitingErasures {
  undone: number
  unfiled: number
  unsent: number
}

export async function countWaiting(db: Queryable): Promise<WaitingErasures> {
  return (await db.query<WaitingErasures>(COUNT))[0]!
}

const SELECT_LINES: Statement = {
  name: 'select-erasure-lines',
  text: `SELECT token_hash, line FROM erasures WHERE done_at IS NOT NULL AND token_hash > $1 ORDER BY token_hash LIMIT $2`,
}

/** Every line of the ledger, in pages. */
export async function* walkLines(db: Queryable, page = 2_000): AsyncGenerator<string[]> {
  for (let after = Buffer.alloc(0); ; ) {
    const rows = await db.query<{ token_hash: Buffer; line: string }>(SELECT_LINES, [after, page])
    if (rows.length > 0) yield rows.map(({ line }) => line)
    if (rows.length < page) return
    after = rows.at(-1)!.token_hash as Buffer<ArrayBuffer>
  }
}

async function stored(db: Queryable, statement: Statement, values: readonly unknown[]): Promise<StoredErasure[]> {
  return spellOut<StoredErasure>(db, await db.query(statement, values))
}

const FIND_LIFE: Statement = {
  name: 'find-life-of-record',
  text: 'SELECT created_at, erased_at FROM records WHERE token = $1',
}

/** When a record was stored, and erased. */
export async function findLife(
  db: Queryable,
  token: Token,
): Promise<{ created_at: Date; erased_at: Date | null } | undefined> {
  return (await db.query<{ created_at: Date; erased_at: Date | null }>(FIND_LIFE, [uuidOf(token)]))[0]
}

const SELECT_REVIVED: Statement = {
  name: 'select-revived-records',
  text: `SELECT r.token, r.kind FROM erasures e JOIN records r ON r.token = e.token
         WHERE e.done_at IS NOT NULL AND r.erased_at IS NULL ORDER BY r.token LIMIT $1`,
  timeoutMs: 60_000,
}

/** Records that the ledger says were erased and that are there: they were put back outside the vault. */
export async function selectRevived(db: Queryable, most = 1_000): Promise<string[]> {
  const rows = await spellOut<{ token: string }>(db, await db.query<Record<string, unknown>>(SELECT_REVIVED, [most]))
  return rows.map(({ token }) => token)
}
