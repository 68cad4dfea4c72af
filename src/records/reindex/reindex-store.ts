import { byteaArray, integerArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { numberOf, smallNumbers, spellOut } from '../../database/lean-rows.ts'
import { stretchAt, takeTurns } from '../../keys/rotation/heap-order.ts'
import { countMovedSql } from '../../keys/rotation/reencrypt-store.ts'
import type { KeyCounts, Page } from '../../keys/rotation/reencryption-target.ts'
import { CENSUS_TIMEOUT_MS, type Row } from '../../keys/sealing/sealed-table.ts'
import { RECORD_COLUMNS } from '../record/record-store.ts'

const CENSUS: Statement = {
  name: 'census-search_terms',
  text: 'SELECT key, count(*)::integer AS count FROM search_terms GROUP BY 1',
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/**
 * The walk follows the partition of each old key in its physical order. The records were stored, or moved the last
 * time, in the same order, so the records of a stretch lie together as well. A record comes with each of its terms that
 * is in the stretch; the first one moves them all.
 */
const READ_PAGE: Statement = {
  name: 'reindex-read',
  text: `SELECT s.pages, p.* FROM (
           SELECT (pg_relation_size(terms_partition($1)) / current_setting('block_size')::integer)::integer AS pages) s
         LEFT JOIN (
           SELECT t.term, t.token AS term_token, r.* FROM search_terms t LEFT JOIN LATERAL (
             SELECT ctid::text AS place, ${RECORD_COLUMNS}, terms FROM records WHERE token = t.token AND erased_at IS NULL OFFSET 0) r ON true
           WHERE t.key = $1 AND t.ctid >= $2::tid AND t.ctid < $3::tid) p ON true`,
}

/**
 * Compare and set: the terms of a record are replaced only if it is the version that was read, with the terms that were
 * read. The record's row is locked first, as a correction and an erasure do, so all of its terms are replaced at once.
 * A term whose key is not replaced stays.
 */
const WRITE: Statement = {
  name: 'reindex-write',
  text: `WITH replaced AS (
           UPDATE records r SET terms = n.terms
           FROM unnest($1::integer[], $2::uuid[], $3::integer[], $4::bytea[], $5::bytea[])
             AS n (item, token, version, old_terms, terms)
           WHERE r.token = n.token AND r.version = n.version AND r.terms = n.old_terms AND r.erased_at IS NULL
           RETURNING n.item, r.token),
         removed AS (
           DELETE FROM search_terms s
           USING replaced JOIN unnest($6::integer[], $7::bytea[]) AS o (item, term) USING (item)
           WHERE s.term = o.term AND s.token = replaced.token
           RETURNING s.key),
         added AS (
           INSERT INTO search_terms (term, token, key, mac)
           SELECT term, token, key, mac
           FROM replaced JOIN unnest($8::integer[], $9::bytea[], $10::smallint[], $11::bytea[])
             AS n (item, term, key, mac) USING (item)),
         ${countMovedSql("SELECT name_of('key', key) AS key_id FROM removed")}`,
}

/**
 * The records are locked and read as they are now, so that a correction which has just given one of them that very term
 * keeps it.
 */
const REMOVE_ORPHANS: Statement = {
  name: 'reindex-remove-orphans',
  text: `WITH orphan AS (SELECT * FROM unnest($1::bytea[], $2::uuid[]) AS o (term, token)),
         held AS MATERIALIZED (
           SELECT token, terms FROM records
           WHERE token IN (SELECT token FROM orphan) AND erased_at IS NULL ORDER BY token FOR UPDATE)
         DELETE FROM search_terms s USING orphan o
         WHERE s.term = o.term AND s.token = o.token
           AND NOT EXISTS (SELECT FROM held h WHERE h.token = o.token AND position(o.term IN h.terms) > 0)`,
}

/** Some 80 terms lie in a page, and some 14 records: so many pages of terms lead to as many pages of records as are written at once. */
const RECORDS_IN_PAGE = 6

interface CountRow {
  key_id: string
  count: number
}

const toCounts = (rows: readonly CountRow[]): KeyCounts => new Map(rows.map(({ key_id, count }) => [key_id, count]))

/** How many search terms each index key has. */
export async function countTerms(db: Queryable): Promise<KeyCounts> {
  return toCounts(await spellOut<CountRow>(db, await db.query(CENSUS)))
}

/** Records with terms under one of the old keys, each once in a page, with how many of these terms are in it. */
export async function readTermPage(
  db: Queryable,
  oldKeys: readonly string[],
  limit: number,
  [keyAt = 0, ...after] = [] as readonly unknown[] as readonly number[],
): Promise<Page> {
  const key = await numberOf(db, 'key', oldKeys[keyAt]!)
  const { from, to, end } = stretchAt(after, Math.max(1, Math.floor(limit / RECORDS_IN_PAGE)))
  const found = await db.query<Row & { pages: number | null }>(READ_PAGE, [key, from, to])
  const rows = found.filter(({ term }) => term !== null)
  const records = new Map<unknown, Row>()
  for (const row of await spellOut<Row>(db, rows)) {
    const old_terms = ((records.get(row.term_token)?.old_terms as number | undefined) ?? 0) + 1
    records.set(row.term_token, { ...row, old_terms })
  }
  const isLastOfKey = end >= (found[0]!.pages ?? 0)
  const next: readonly [number, number] = isLastOfKey ? [keyAt + 1, 0] : [keyAt, end]
  return { rows: takeTurns([...records.values()], 'place'), next: next[0] < oldKeys.length ? next : undefined }
}

/** A term that leads to no record which has it. */
export interface OrphanTerm {
  term: Buffer
  /** The 16 bytes of the token that it names, as a uuid. */
  term_token: string
}

/** Removes terms that their records, if there are any, do not remember. */
export async function removeOrphans(db: Queryable, orphans: readonly OrphanTerm[]): Promise<void> {
  await db.query(REMOVE_ORPHANS, [
    byteaArray(orphans.map(({ term }) => term)),
    orphans.map(({ term_token }) => term_token),
  ])
}

/** A record's terms as they were read, and as they are under the active index key. */
export interface NewTerms {
  token: string
  version: number
  oldTerms: Buffer
  terms: Buffer
  removed: readonly Buffer[]
  added: readonly { term: Buffer; keyId: string; mac: Buffer }[]
}

/** Replaces terms, and answers with how many were removed of each key. */
export async function replaceTerms(db: Queryable, fresh: readonly NewTerms[]): Promise<KeyCounts> {
  const removed = fresh.flatMap((one, item) => one.removed.map((term) => ({ item, term })))
  const added = fresh.flatMap((one, item) => one.added.map((term) => ({ item, ...term })))
  const keyIds = added.map(({ keyId }) => keyId)
  const parameters = [
    integerArray(fresh.map((_, item) => item)),
    idArray(fresh.map(({ token }) => token)),
    integerArray(fresh.map(({ version }) => version)),
    byteaArray(fresh.map(({ oldTerms }) => oldTerms)),
    byteaArray(fresh.map(({ terms }) => terms)),
    integerArray(removed.map(({ item }) => item)),
    byteaArray(removed.map(({ term }) => term)),
    integerArray(added.map(({ item }) => item)),
    byteaArray(added.map(({ term }) => term)),
    await smallNumbers(db, 'key', keyIds),
    byteaArray(added.map(({ mac }) => mac)),
  ]
  return toCounts(await db.query<CountRow>(WRITE, parameters))
}
