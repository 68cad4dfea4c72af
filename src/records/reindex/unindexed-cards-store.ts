import type { Queryable, Statement } from '../../database/database.ts'
import { isBehindSql, numberOf, smallNumbers, spellOut } from '../../database/lean-rows.ts'
import type { Page } from '../../keys/rotation/reencryption-target.ts'
import { CENSUS_TIMEOUT_MS, type Row } from '../../keys/sealing/sealed-table.ts'
import { uuidOf } from '../../values/identifier.ts'
import { TERM_BYTES } from '../record/record.ts'
import { RECORD_COLUMNS } from '../record/record-store.ts'

/** Live cards without any term under the keys of `$1`. The tables are joined once, whatever their size. */
const CENSUS: Statement = {
  name: 'census-unindexed-cards',
  text: `SELECT count(*)::integer AS count FROM records r
         WHERE r.kind = $2 AND r.erased_at IS NULL
           AND NOT EXISTS (SELECT FROM search_terms s WHERE s.token = r.token AND s.key = ANY($1::smallint[]))`,
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/** The terms of a card are looked up as the card remembers them, by their primary key. */
const READ_PAGE: Statement = {
  name: 'read-unindexed-cards',
  text: `SELECT ${RECORD_COLUMNS}, terms,
           NOT EXISTS (
             SELECT FROM generate_series(0, length(terms) / ${TERM_BYTES} - 1) AS at
             JOIN search_terms s ON s.term = substr(page.terms, 1 + ${TERM_BYTES} * at, ${TERM_BYTES}) AND s.token = page.token
             WHERE s.key = ANY($1::smallint[])) AS is_unindexed
         FROM (SELECT * FROM records WHERE ${isBehindSql('$3')} AND kind = $4 AND erased_at IS NULL
               ORDER BY token LIMIT $2) page
         ORDER BY token`,
}

export async function countUnindexed(db: Queryable, keyIds: readonly string[]): Promise<number> {
  const [row] = await db.query<{ count: number }>(CENSUS, [
    await smallNumbers(db, 'key', keyIds),
    await numberOf(db, 'kind', 'card'),
  ])
  return row?.count ?? 0
}

/** Live cards without a term under these keys, in the order of their tokens. */
export async function readUnindexedPage(
  db: Queryable,
  keyIds: readonly string[],
  limit: number,
  after: NonNullable<Page['next']> = [],
): Promise<Page> {
  const last = uuidOf((after[0] as string | undefined) ?? '') ?? null
  const kind = await numberOf(db, 'kind', 'card')
  const rows = await spellOut<Row>(
    db,
    await db.query(READ_PAGE, [await smallNumbers(db, 'key', keyIds), limit, last, kind]),
  )
  const end = rows.at(-1)
  return {
    rows: rows.filter((row) => row.is_unindexed),
    next: end === undefined || rows.length < limit ? undefined : [end.token],
  }
}
