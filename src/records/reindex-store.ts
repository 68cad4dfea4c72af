import { byteaArray, integerArray, textArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import { idArray } from '../database/id-array.ts'
import { spellOut } from '../database/lean-rows.ts'
import type { KeyCounts, Page } from '../keys/rotation/movable.ts'
import { countMovedSql } from '../keys/rotation/reseal-store.ts'
import { CENSUS_TIMEOUT_MS, type Row } from '../keys/sealed-columns.ts'
import { RECORD_COLUMNS } from './record-store.ts'

const CENSUS: Statement = {
  name: 'census-search_terms',
  text: 'SELECT key_id, count(*)::integer AS count FROM search_terms GROUP BY 1',
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/**
 * The walk goes along the primary key of the terms, which needs no further index in the way of every tokenization. A
 * record comes with each of its terms that stands on an old key; the first one moves them all.
 */
const READ_PAGE: Statement = {
  name: 'reindex-read',
  text: `WITH page AS MATERIALIZED (
           SELECT term, token AS term_token, key_id = ANY($1::text[]) AS is_old FROM search_terms
           WHERE (term, token) > ($3::bytea, $4::text) ORDER BY term, token LIMIT $2)
         SELECT p.term, p.term_token, p.is_old, ${RECORD_COLUMNS}, terms
         FROM page p LEFT JOIN records r ON p.is_old AND r.token = id_uuid(p.term_token) AND r.erased_at IS NULL
         ORDER BY p.term, p.term_token`,
}

/** Terms and their MACs have 32 bytes each, and the ids of their keys no comma. */
const split = (column: string) =>
  `SELECT token, substr(${column}, 1 + 32 * at, 32) AS term, substr(macs, 1 + 32 * at, 32) AS mac,
     split_part(key_ids, ',', at + 1) AS key_id
   FROM replaced, generate_series(0, length(${column}) / 32 - 1) AS at`

/**
 * Compare and set: the terms of a record are replaced only if it is the version that was read, with the terms that were
 * read. The record's row is locked first, as a correction and an erasure do, so all of its terms change hands at once. A term
 * whose key is not replaced stays as it is.
 */
const WRITE: Statement = {
  name: 'reindex-write',
  text: `WITH replaced AS (
           UPDATE records r SET terms = n.terms
           FROM unnest($1::text[], $2::integer[], $3::bytea[], $4::bytea[], $5::text[], $6::bytea[], $7::uuid[])
             AS n (token, version, old_terms, terms, key_ids, macs, uuid)
           WHERE r.token = n.uuid AND r.version = n.version AND r.terms = n.old_terms AND r.erased_at IS NULL
           RETURNING n.token, n.old_terms, n.terms, n.key_ids, n.macs),
         before AS (${split('old_terms')}),
         after AS (${split('terms')}),
         removed AS (
           DELETE FROM search_terms s USING before o
           WHERE s.term = o.term AND s.token = o.token
             AND NOT EXISTS (SELECT FROM after a WHERE a.term = s.term AND a.token = s.token)
           RETURNING s.key_id),
         added AS (
           INSERT INTO search_terms (term, token, key_id, mac)
           SELECT term, token, key_id, mac FROM after a
           WHERE NOT EXISTS (SELECT FROM before o WHERE o.term = a.term AND o.token = a.token)),
         ${countMovedSql('SELECT key_id FROM removed')}`,
}

/**
 * The records are locked and read as they are now, so that a correction which has just given one of them that very term
 * keeps it.
 */
const REMOVE_ORPHANS: Statement = {
  name: 'reindex-remove-orphans',
  text: `WITH orphan AS (SELECT * FROM unnest($1::bytea[], $2::text[], $3::uuid[]) AS o (term, token, uuid)),
         held AS MATERIALIZED (
           SELECT token, terms FROM records
           WHERE token IN (SELECT uuid FROM orphan) AND erased_at IS NULL ORDER BY token FOR UPDATE)
         DELETE FROM search_terms s USING orphan o
         WHERE s.term = o.term AND s.token = o.token
           AND NOT EXISTS (SELECT FROM held h WHERE h.token = o.uuid AND position(o.term IN h.terms) > 0)`,
}

const FIRST = [Buffer.alloc(0), '']

interface CountRow {
  key_id: string
  count: number
}

const toCounts = (rows: readonly CountRow[]): KeyCounts => new Map(rows.map(({ key_id, count }) => [key_id, count]))

/** How many search terms stand on each index key. */
export async function countTerms(db: Queryable): Promise<KeyCounts> {
  return toCounts(await db.query<CountRow>(CENSUS))
}

/** Records whose terms stand on one of the old keys, each once in a page, with how many of these terms are in it. */
export async function readTermPage(
  db: Queryable,
  oldKeys: readonly string[],
  limit: number,
  after: Page['next'] = FIRST,
): Promise<Page> {
  const found = await db.query<Row>(READ_PAGE, [textArray(oldKeys), limit, ...after])
  const rows = (await spellOut<Row>(db, found)).map((row): Row => ({ ...row, token: row.term_token }))
  const last = rows.at(-1)
  const records = new Map<unknown, Row>()
  for (const row of rows) {
    const old_terms = ((records.get(row.token)?.old_terms as number | undefined) ?? 0) + 1
    if (row.is_old) records.set(row.token, { ...row, old_terms })
  }
  return {
    rows: [...records.values()],
    next: last === undefined || rows.length < limit ? undefined : [last.term, last.token],
  }
}

/** A term that leads to no record which has it. */
export interface OrphanTerm {
  term: Buffer
  token: string
}

/** Removes terms that their records, if there are any, do not remember. */
export async function removeOrphans(db: Queryable, orphans: readonly OrphanTerm[]): Promise<void> {
  await db.query(REMOVE_ORPHANS, [
    byteaArray(orphans.map(({ term }) => term)),
    textArray(orphans.map(({ token }) => token)),
    idArray(orphans.map(({ token }) => token)),
  ])
}

/** A record's terms as they were read, and as they are under the active index key. */
export interface NewTerms {
  token: string
  version: number
  oldTerms: Buffer
  terms: Buffer
  /** Of the new terms, one after the other. */
  macs: Buffer
  /** The keys that hashed them, in their order. */
  keyIds: readonly string[]
}

/** Replaces terms, and answers with how many were removed of each key. */
export async function replaceTerms(db: Queryable, fresh: readonly NewTerms[]): Promise<KeyCounts> {
  const parameters = [
    textArray(fresh.map(({ token }) => token)),
    integerArray(fresh.map(({ version }) => version)),
    byteaArray(fresh.map(({ oldTerms }) => oldTerms)),
    byteaArray(fresh.map(({ terms }) => terms)),
    textArray(fresh.map(({ keyIds }) => keyIds.join(','))),
    byteaArray(fresh.map(({ macs }) => macs)),
    idArray(fresh.map(({ token }) => token)),
  ]
  return toCounts(await db.query<CountRow>(WRITE, parameters))
}
