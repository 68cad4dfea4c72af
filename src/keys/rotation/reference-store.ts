import type { Queryable, Statement } from '../../database/database.ts'
import { numberOf, spellOut } from '../../database/lean-rows.ts'
import { CENSUS_TIMEOUT_MS, takeCensus, takeCensusOf } from '../sealing/sealed-columns.ts'

const COUNT_TERMS: Statement = {
  name: 'count-search-terms',
  text: 'SELECT key, count(*)::float8 AS count FROM search_terms GROUP BY 1',
  timeoutMs: CENSUS_TIMEOUT_MS,
}
/** A kept answer is found by a hash under an index key, and lost with that key, so it needs the key until it expires. */
const COUNT_ANSWERS: Statement = {
  name: 'count-kept-answers',
  text: 'SELECT index_key, count(*)::float8 AS count FROM idempotency_keys WHERE expires_at > $1 GROUP BY 1',
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/** How many values stand on a key, by the column that holds them. */
export type References = Readonly<Record<string, number>>

/** Everything that stands on keys, by the key's id: what is sealed under it, hashed under it, or found by it. */
export async function countReferences(db: Queryable, now: Date): Promise<ReadonlyMap<string, References>> {
  const references = new Map<string, Record<string, number>>()
  const add = (column: string, keyId: string, count: number) =>
    void references.set(keyId, { ...references.get(keyId), [column]: count })
  for (const { column, keyId, count } of await takeCensus(db)) add(column.name, keyId, count)
  const terms = await spellOut<{ key_id: string; count: number }>(db, await db.query(COUNT_TERMS))
  for (const { key_id, count } of terms) add('search_terms', key_id, count)
  const answers = await spellOut<{ index_key_id: string; count: number }>(db, await db.query(COUNT_ANSWERS, [now]))
  for (const { index_key_id, count } of answers) add('idempotency_keys.key_hash', index_key_id, count)
  return references
}

const COUNT_TERMS_OF_ONE: Statement = {
  name: 'count-search-terms-of-one',
  text: 'SELECT count(*)::float8 AS count FROM search_terms WHERE key = $1',
  timeoutMs: CENSUS_TIMEOUT_MS,
}
const COUNT_ANSWERS_OF_ONE: Statement = {
  name: 'count-kept-answers-of-one',
  text: 'SELECT count(*)::float8 AS count FROM idempotency_keys WHERE index_key = $1 AND expires_at > $2',
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/** How many answers that are kept for Idempotency-Keys are found by a hash under that key. */
export async function countKeptAnswers(db: Queryable, keyId: string, now: Date): Promise<number> {
  const [row] = await db.query<{ count: number }>(COUNT_ANSWERS_OF_ONE, [await numberOf(db, 'key', keyId), now])
  return row?.count ?? 0
}

/** What references one key. */
export async function countReferencesOf(db: Queryable, keyId: string, now: Date): Promise<References> {
  const counts = await takeCensusOf(db, keyId)
  const [terms] = await db.query<{ count: number }>(COUNT_TERMS_OF_ONE, [await numberOf(db, 'key', keyId)])
  counts.set('search_terms', terms?.count ?? 0)
  counts.set('idempotency_keys.key_hash', await countKeptAnswers(db, keyId, now))
  return Object.fromEntries([...counts].filter(([, count]) => count > 0))
}

/** All of a key's references together. */
export function totalOf(references: References | undefined): number {
  return Object.values(references ?? {}).reduce((sum, count) => sum + count, 0)
}
