import { byteaArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { smallNumbers } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import { uuidOf } from '../../values/identifier.ts'
import { type RecordTerm, splitTerms, termOf } from './record.ts'
import type { Token } from './token.ts'

const SELECT_TERMS: Statement = { name: 'select-record-terms', text: 'SELECT terms FROM records WHERE token = $1' }

/** A term that stays gets another MAC, because the MAC is bound to the version. Its row is changed in place. */
const CHANGE_TERMS: Statement = {
  name: 'change-terms',
  text: `WITH gone AS (DELETE FROM search_terms WHERE token = $1 AND term = ANY($2::bytea[])),
         wanted AS (SELECT * FROM unnest($3::bytea[], $4::smallint[], $5::bytea[]) AS n (term, key, mac)),
         kept AS (
           UPDATE search_terms s SET key = n.key, mac = n.mac FROM wanted n
           WHERE s.token = $1 AND s.term = n.term RETURNING s.term)
         INSERT INTO search_terms (term, token, key, mac)
         SELECT term, $1, key, mac FROM wanted WHERE term NOT IN (SELECT term FROM kept)`,
}
const ARE_TERMS_CHANGED: Statement = {
  name: 'are-terms-changed',
  text: `SELECT (SELECT count(*) FROM search_terms s JOIN unnest($3::bytea[], $4::smallint[], $5::bytea[]) AS n (term, key, mac)
                   ON s.term = n.term AND s.token = $1 AND s.key = n.key AND s.mac = n.mac) = cardinality($3::bytea[])
            AND NOT EXISTS (SELECT FROM search_terms WHERE token = $1 AND term = ANY($2::bytea[])) AS done`,
}

/**
 * Writes the difference between the terms that the record remembers and its new ones. Needs a transaction that locked
 * the record, and in which it still remembers the former ones.
 */
export async function changeTerms(tx: Queryable, token: Token, terms: readonly RecordTerm[]): Promise<void> {
  const now = terms.map(termOf)
  const gone = (await selectTerms(tx, token)).filter((before) => !now.some((term) => term.equals(before)))
  const change = [
    uuidOf(token),
    byteaArray(gone),
    byteaArray(now),
    await smallNumbers(
      tx,
      'key',
      terms.map(({ keyId }) => keyId),
    ),
    byteaArray(terms.map(({ mac }) => mac)),
  ]
  await tx.query(CHANGE_TERMS, change)
  requireDone(await tx.query(ARE_TERMS_CHANGED, change))
}

const DELETE_TERMS: Statement = {
  name: 'delete-terms',
  text: 'DELETE FROM search_terms WHERE token = $1 AND term = ANY($2::bytea[])',
}
const ARE_TERMS_GONE: Statement = {
  name: 'are-terms-gone',
  text: 'SELECT NOT EXISTS (SELECT FROM search_terms WHERE token = $1 AND term = ANY($2::bytea[])) AS done',
}

/** Removes the terms that the record remembers, under the same conditions. */
export async function removeTerms(tx: Queryable, token: Token): Promise<void> {
  const terms = [uuidOf(token), byteaArray(await selectTerms(tx, token))]
  await tx.query(DELETE_TERMS, terms)
  requireDone(await tx.query(ARE_TERMS_GONE, terms))
}

async function selectTerms(tx: Queryable, token: Token): Promise<Buffer[]> {
  const [row] = await tx.query<{ terms: Buffer }>(SELECT_TERMS, [uuidOf(token)])
  return splitTerms(row?.terms ?? Buffer.alloc(0))
}
