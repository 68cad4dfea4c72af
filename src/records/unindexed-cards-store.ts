import { smallintArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import type { Page } from '../keys/rotation/movable.ts'
import { CENSUS_TIMEOUT_MS, type Row } from '../keys/sealed-columns.ts'
import { TERM_BYTES } from './record.ts'

/** Live cards without any term under the keys of `$1`. The tables are joined once, whatever their size. */
const CENSUS: Statement = {
  name: 'census-unindexed-cards',
  text: `SELECT count(*)::integer AS count FROM records r
         WHERE r.kind = 'card' AND r.erased_at IS NULL
           AND NOT EXISTS (SELECT FROM search_terms s WHERE s.token = r.token AND s.key = ANY($1::smallint[]))`,
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/** The terms of a card are looked up as the card remembers them, by their primary key. */
const READ_PAGE: Statement = {
  name: 'read-unindexed-cards',
  text: `SELECT token, site, kind, version, policy_version, consents, created_at, updated_at, terms, display_key_id, display_sealed, secret_key_id, secret_sealed,
           NOT EXISTS (
             SELECT FROM generate_series(0, length(terms) / ${TERM_BYTES} - 1) AS at
             JOIN search_terms s ON s.term = substr(page.terms, 1 + ${TERM_BYTES} * at, ${TERM_BYTES}) AND s.token = page.token
             WHERE s.key = ANY($1::smallint[])) AS is_unindexed
         FROM (SELECT * FROM records WHERE token > $3 AND kind = 'card' AND erased_at IS NULL
               ORDER BY token LIMIT $2) page
         ORDER BY token`,
}

export async function countUnindexed(db: Queryable, keyIds: readonly string[]): Promise<number> {
  const [row] = await db.query<{ count: number }>(CENSUS, [await keyNumbers(db, keyIds)])
  return row?.count ?? 0
}

async function keyNumbers(db: Queryable, keyIds: readonly string[]): Promise<Buffer> {
  return smallintArray(keyIds.map(await db.dictionary.ids('key', keyIds)))
}

/** Live cards without a term under these keys, in the order of their tokens. */
export async function readUnindexedPage(
  db: Queryable,
  keyIds: readonly string[],
  limit: number,
  after: Page['next'] = [''],
): Promise<Page> {
  const rows = await db.query<Row>(READ_PAGE, [await keyNumbers(db, keyIds), limit, ...after])
  const last = rows.at(-1)
  return {
    rows: rows.filter((row) => row.is_unindexed),
    next: last === undefined || rows.length < limit ? undefined : [last.token],
  }
}
