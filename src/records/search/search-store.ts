import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { EVENT_COLUMN_NAMES, eventArraysSql, writeEvents } from '../../audit/event/audit-store.ts'
import { WAITS } from '../../database/batch.ts'
import { byteaArray, integerArray, smallintArray, textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { nameOfConsents, numberOf, spellOut, tokenOf } from '../../database/lean-rows.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import { requireDone } from '../../database/require-done.ts'
import {
  type IdempotencyRow,
  idempotencyColumns,
  insertIdempotencySql,
  keysOfReserved,
  reservedRows,
} from '../idempotency/idempotency-store.ts'
import { type SealedReason, type StoredRecord, type TermHash, termOf } from '../record/record.ts'
import { RECORD_COLUMNS, type RecordRow, toRecord } from '../record/record-store.ts'

/** A row of `search_terms`, and what of its record there is; nulls where there is no such record. */
export interface Hit {
  term: Buffer
  /** No token where there is no such record. */
  term_token: string
  kind: string | null
  mac: Buffer | null
  site: string | null
  version: number | null
  erased_at: Date | null
}

/** Terms and records as one statement sees them: a correction or an erasure replaces both at once. */
const HITS = `(SELECT term, token AS term_token, mac FROM search_terms WHERE term = ANY($1::bytea[])) t
  LEFT JOIN records ON token = term_token`

/** What is no live record of the site comes last: it takes no place from one that is. */
const SEARCH: Statement = {
  name: 'search-records',
  text: `SELECT term, term_token, mac, erased_at, ${RECORD_COLUMNS} FROM ${HITS}
         ORDER BY (site = $2 AND erased_at IS NULL) IS TRUE DESC, created_at DESC, token LIMIT $3`,
}

/** The terms under any of the hashes with the records that they lead to, the newest live ones of the site first. */
export async function selectRecordHits(
  db: Queryable,
  site: string,
  hashes: readonly Pick<TermHash, 'hash'>[],
  limit: number,
): Promise<(Hit & { record: StoredRecord | undefined })[]> {
  const values = [hashes.map(termOf), await numberOf(db, 'site', site), limit]
  const rows = await spellOut<Hit & RecordRow>(db, await db.query(SEARCH, values))
  return rows.map((row) => {
    const found = toRecord(row)
    return { ...withToken(row), record: found === 'erased' ? undefined : found }
  })
}

const SELECT_HITS: Statement = {
  name: 'select-term-hits',
  text: `SELECT term, term_token, mac, site, kind, version, erased_at FROM ${HITS} ORDER BY term_token`,
}

/** The terms under any of the hashes, in the order of their tokens. */
export async function selectHits(db: Queryable, hashes: readonly Pick<TermHash, 'hash'>[]): Promise<Hit[]> {
  const rows = await spellOut<Hit>(db, await db.query(SELECT_HITS, [hashes.map(termOf)]))
  return rows.map(withToken)
}

/** A term has the 16 bytes of the token, and what it begins with follows from the record. */
function withToken<H extends Hit>(hit: H): H {
  return { ...hit, term_token: tokenOf(hit.kind, hit.term_token) }
}

/** What a search answers with, and what must have committed before. */
export interface Match {
  /** The caller whose search it is. */
  owner?: string
  events: readonly AuditEvent[]
  reasons?: readonly SealedReason[] | undefined
  /** The records that leave, in the versions that were opened, each with the consent that it must carry. */
  records: readonly (Pick<StoredRecord, 'token' | 'version' | 'consents'> & { consent?: string | undefined })[]
  idempotency?: IdempotencyRow | undefined
  now: Date
}

/**
 * Every array carries, beside its values, the number of the match in the statement: `granted` are those whose records are all
 * as they were opened and not locked, and only their rows are written. Where a record must carry a consent, it must carry the
 * very set that it was opened with, which is a number. What else is written is in `also`, since PostgreSQL opens a
 * table and its indexes for every INSERT, whether rows come or not.
 */
const findingsStatement = (name: string, also: string, isKept: string): Statement => ({
  name,
  text: `WITH
    wanted AS (
      SELECT * FROM unnest(${opaqueArray(1, 'uuid')}, $2::integer[], $3::integer[], $4::integer[])
        AS w (token, version, match, consents)),
    live AS MATERIALIZED (
      SELECT match, is_locked FROM wanted JOIN hold_to_release(${opaqueArray(1, 'uuid')}, $7) ON held = token
      WHERE held_version = version AND (consents IS NULL OR held_consents = consents)),
    standing AS (
      SELECT match, live.locked FROM unnest($5::integer[], $6::integer[]) AS f (match, records)
      CROSS JOIN LATERAL (
        SELECT count(*) AS records, count(*) FILTER (WHERE is_locked) AS locked FROM live WHERE live.match = f.match) live
      WHERE live.records = f.records),
    granted AS (SELECT match FROM standing WHERE locked = 0),
    new_events AS (
      INSERT INTO audit_events (${EVENT_COLUMN_NAMES}) SELECT ${EVENT_COLUMN_NAMES}
      FROM unnest(${eventArraysSql(8)}, $16::integer[]) AS n (${EVENT_COLUMN_NAMES}, match)
      WHERE match IN (SELECT match FROM granted))${also}
    SELECT match, locked > 0 AS waits, ${isKept} AS done FROM standing`,
})
const COMMIT_FINDINGS = findingsStatement('commit-matches', '', 'true')
const COMMIT_AND_KEEP = findingsStatement(
  'commit-matches-and-keep',
  `,
    new_reasons AS (
      INSERT INTO reveal_reasons (event, reason_key, reason_sealed)
      SELECT event, key, sealed FROM unnest($17::text[], $18::smallint[], $19::bytea[], $20::integer[])
        AS n (event, key, sealed, match)
      WHERE match IN (SELECT match FROM granted)
      RETURNING true),
    new_idempotency AS (${insertIdempotencySql(21, 'WHERE release IN (SELECT match FROM granted)')} RETURNING true)`,
  `(SELECT count(*) FROM new_reasons) + (SELECT count(*) FROM new_idempotency)
      = (SELECT count(*) FROM unnest($20::integer[] || $28::integer[]) AS k (match) WHERE k.match IN (SELECT match FROM granted))`,
)

interface FindingRow {
  match: number
  /** One of its records is being erased or corrected. */
  waits: boolean
  done: boolean
}

/**
 * Commits the events of any number of searches and releases in one statement, each if every record in it still stands in the version
 * that was opened. The locks of its records (`hold_to_release`) order it against erasure and correction.
 *
 * @param mayWait whether the statement waits while a record is being erased or corrected
 * @returns for each match whether it was committed; false when one of its records was erased or corrected meanwhile; `WAITS`
 *   when the statement did not wait for that
 * @throws {Problem} audit-unavailable; busy, when it has waited too long
 */
export async function commitMatches(
  db: Queryable,
  matches: readonly Match[],
  mayWait: boolean,
): Promise<(boolean | typeof WAITS)[]> {
  const number = <T>(pick: (match: Match) => readonly T[]) =>
    matches.flatMap((match, at) => pick(match).map((value) => ({ value, at })))
  const records = number((match) => match.records)
  const events = number((match) => match.events)
  const reasons = number((match) => match.reasons ?? [])
  const reserved = reservedRows(matches.map((match, at) => ({ ...match, at })))
  const keeps = reasons.length > 0 || reserved.length > 0
  const consents = await consentsToFind(
    db,
    records.map(({ value }) => value),
  )
  const keyOf = await db.dictionary.ids('key', [
    ...reasons.map(({ value }) => value.keyId),
    ...keysOfReserved(reserved),
  ])
  const kept = () => [
    textArray(reasons.map(({ value }) => value.event)),
    smallintArray(reasons.map(({ value }) => keyOf(value.keyId))),
    byteaArray(reasons.map(({ value }) => value.bytes)),
    integerArray(reasons.map(({ at }) => at)),
    ...idempotencyColumns(reserved, keyOf),
    integerArray(reserved.map(({ write }) => write.at)),
  ]
  const standing = await writeEvents(
    db,
    events.map(({ value }) => value),
    async (eventColumns) => {
      const rows = await db.query<FindingRow>(keeps ? COMMIT_AND_KEEP : COMMIT_FINDINGS, [
        idArray(records.map(({ value }) => value.token)),
        integerArray(records.map(({ value }) => value.version)),
        integerArray(records.map(({ at }) => at)),
        consents,
        integerArray(matches.map((_, at) => at)),
        integerArray(matches.map((match) => match.records.length)),
        mayWait,
        ...eventColumns,
        integerArray(events.map(({ at }) => at)),
        ...(keeps ? kept() : []),
      ])
      return new Map(rows.map((row) => [row.match, row]))
    },
    (found, place) => found.get(events[place]!.at)?.waits === false,
  )
  requireDone([...standing.values()], standing.size)
  return matches.map((_, at) => {
    const row = standing.get(at)
    return row?.waits ? WAITS : row !== undefined
  })
}

/** No set of consents has it. */
const NO_SET = 0

/** The sets of consents with which the records must still stand; null where no consent is needed. */
async function consentsToFind(db: Queryable, records: Match['records']): Promise<Buffer> {
  const names = records.map(({ consents, consent }) => {
    return consent !== undefined && consents.includes(consent) ? nameOfConsents(consents) : null
  })
  const numberOf = await db.dictionary.ids('consents', names)
  return integerArray(
    records.map(({ consent }, at) => (consent === undefined ? null : (numberOf(names[at]!) ?? NO_SET))),
  )
}
