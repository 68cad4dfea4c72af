import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { EVENT_ARRAYS, EVENT_COLUMN_NAMES, eventArraysSql, writeEvents } from '../../audit/event/audit-store.ts'
import { WAITS } from '../../database/batch.ts'
import { byteaArray, integerArray, smallintArray, textArray } from '../../database/binary-array.ts'
import { buildStatement, type Parameters } from '../../database/build-statement.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { nameOfConsents, numberOf, spellOut, tokenOf } from '../../database/lean-rows.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import { requireDone } from '../../database/require-done.ts'
import {
  IDEMPOTENCY_ARRAYS,
  type IdempotencyRow,
  idempotencyArrays,
  insertReleasedIdempotencySql,
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

/** Rows that lead to no live record of the site come last, so they take no place from those that do. */
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

/** A term has the 16 bytes of the token. The prefix of the token follows from the record. */
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

/** The records of matches, and their events. */
const MATCH_ARRAYS = {
  token: 'uuid[]',
  version: 'integer[]',
  record_match: 'integer[]',
  consents: 'integer[]',
  match: 'integer[]',
  record_count: 'integer[]',
  may_wait: 'boolean',
  ...EVENT_ARRAYS,
  event_match: 'integer[]',
} as const

/** What is kept beside them: reasons and idempotency keys. */
const KEPT_ARRAYS = {
  reason_event: 'text[]',
  reason_key: 'smallint[]',
  reason_sealed: 'bytea[]',
  reason_match: 'integer[]',
  ...IDEMPOTENCY_ARRAYS,
  reserved_match: 'integer[]',
} as const

/**
 * Every array carries, beside its values, the number of the match in the statement: `granted` are those whose records
 * are all as they were opened and not locked, and only their rows are written. Where a record must carry a consent, it
 * must carry the very set that it was opened with, which is a number. What else is written is in `also`, since
 * PostgreSQL opens a table and its indexes for every INSERT, also if no row comes.
 */
function commitMatchesSql(p: Parameters<typeof MATCH_ARRAYS>, also: string, isKept: string): string {
  return `WITH
    wanted AS (
      SELECT * FROM unnest(${opaqueArray(p.token)}, ${p.version}, ${p.record_match}, ${p.consents})
        AS w (token, version, match, consents)),
    live AS MATERIALIZED (
      SELECT match, is_locked FROM wanted JOIN hold_to_release(${opaqueArray(p.token)}, ${p.may_wait}) ON held = token
      WHERE held_version = version AND (consents IS NULL OR held_consents = consents)),
    standing AS (
      SELECT match, live.locked FROM unnest(${p.match}, ${p.record_count}) AS f (match, records)
      CROSS JOIN LATERAL (
        SELECT count(*) AS records, count(*) FILTER (WHERE is_locked) AS locked FROM live WHERE live.match = f.match) live
      WHERE live.records = f.records),
    granted AS (SELECT match FROM standing WHERE locked = 0),
    new_events AS (
      INSERT INTO audit_events (${EVENT_COLUMN_NAMES}) SELECT ${EVENT_COLUMN_NAMES}
      FROM unnest(${eventArraysSql(p)}, ${p.event_match}) AS n (${EVENT_COLUMN_NAMES}, match)
      WHERE match IN (SELECT match FROM granted))${also}
    SELECT match, locked > 0 AS waits, ${isKept} AS done FROM standing`
}

const COMMIT_MATCHES = buildStatement('commit-matches', MATCH_ARRAYS, (p) => commitMatchesSql(p, '', 'true'))
const COMMIT_AND_KEEP = buildStatement('commit-matches-and-keep', { ...MATCH_ARRAYS, ...KEPT_ARRAYS }, (p) => {
  const isGranted = 'IN (SELECT match FROM granted)'
  const also = `,
    new_reasons AS (
      INSERT INTO reveal_reasons (event, reason_key, reason_sealed)
      SELECT event, key, sealed FROM unnest(${p.reason_event}, ${p.reason_key}, ${p.reason_sealed}, ${p.reason_match})
        AS n (event, key, sealed, match)
      WHERE match ${isGranted}
      RETURNING true),
    new_idempotency AS (${insertReleasedIdempotencySql(p, p.reserved_match, `release ${isGranted}`)} RETURNING true)`
  const isKept = `(SELECT count(*) FROM new_reasons) + (SELECT count(*) FROM new_idempotency)
      = (SELECT count(*) FROM unnest(${p.reason_match} || ${p.reserved_match}) AS k (match) WHERE k.match ${isGranted})`
  return commitMatchesSql(p, also, isKept)
})

interface FindingRow {
  match: number
  /** One of its records is being erased or corrected. */
  waits: boolean
  done: boolean
}

/**
 * Commits the events of any number of searches and releases in one statement, each if every record in it still has the
 * version that was opened. The locks of its records (`hold_to_release`) order it against erasure and correction.
 *
 * @param mayWait whether the statement waits while a record is being erased or corrected
 * @returns for each match whether it was committed; false if one of its records was erased or corrected in the
 *   meantime; `WAITS` if the statement did not wait for that
 * @throws {Problem} audit-unavailable; busy, if it has waited too long
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
  const arrays = {
    token: idArray(records.map(({ value }) => value.token)),
    version: integerArray(records.map(({ value }) => value.version)),
    record_match: integerArray(records.map(({ at }) => at)),
    consents,
    match: integerArray(matches.map((_, at) => at)),
    record_count: integerArray(matches.map((match) => match.records.length)),
    may_wait: mayWait,
    event_match: integerArray(events.map(({ at }) => at)),
  }
  const kept = () => ({
    reason_event: textArray(reasons.map(({ value }) => value.event)),
    reason_key: smallintArray(reasons.map(({ value }) => keyOf(value.keyId))),
    reason_sealed: byteaArray(reasons.map(({ value }) => value.bytes)),
    reason_match: integerArray(reasons.map(({ at }) => at)),
    ...idempotencyArrays(reserved, keyOf),
    reserved_match: integerArray(reserved.map(({ write }) => write.at)),
  })
  const standing = await writeEvents(
    db,
    events.map(({ value }) => value),
    async (ofEvents) => {
      const values = { ...arrays, ...ofEvents }
      const rows = keeps
        ? await db.query<FindingRow>(COMMIT_AND_KEEP, COMMIT_AND_KEEP.valuesOf({ ...values, ...kept() }))
        : await db.query<FindingRow>(COMMIT_MATCHES, COMMIT_MATCHES.valuesOf(values))
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

/** The sets of consents that the records must still have; null if no consent is needed. */
async function consentsToFind(db: Queryable, records: Match['records']): Promise<Buffer> {
  const names = records.map(({ consents, consent }) => {
    return consent !== undefined && consents.includes(consent) ? nameOfConsents(consents) : null
  })
  const numberOf = await db.dictionary.ids('consents', names)
  return integerArray(
    records.map(({ consent }, at) => (consent === undefined ? null : (numberOf(names[at]!) ?? NO_SET))),
  )
}
