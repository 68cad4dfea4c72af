import { EVENT_ROW, type EventRow, queryEvents } from '../../audit/event/event-row-store.ts'
import type { Database, Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { FIRST_UUID, isBehindSql, spellOut } from '../../database/lean-rows.ts'
import { CENSUS_TIMEOUT_MS } from '../../keys/sealing/sealed-table.ts'
import { uuidOf } from '../../values/identifier.ts'
import { type StoredRecord, TERM_BYTES } from '../record/record.ts'
import { RECORD_COLUMNS, type RecordRow } from '../record/record-store.ts'
import type { EventsOf } from './events-of-record.ts'

/** One snapshot for all that is read of a page, so that what refers to each other is seen as it was at one moment. */
const FREEZE: Statement = {
  name: 'freeze-page',
  text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY',
}

export function inOneSnapshot<T>(database: Database, work: (tx: Queryable) => Promise<T>): Promise<T> {
  return database.transaction(async (tx) => {
    await tx.query(FREEZE)
    return work(tx)
  })
}

const COUNT: Statement = {
  name: 'count-rows-to-verify',
  text: `SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM record_versions) + (SELECT count(*) FROM search_terms)
              + (SELECT count(*) FROM idempotency_keys) + (SELECT count(*) FROM reveal_reasons)
              + (SELECT count(*) FROM audit_events) AS count`,
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/** How many rows there are to look at. */
export async function countRows(db: Queryable): Promise<number> {
  return Number((await db.query<{ count: string }>(COUNT))[0]!.count)
}

/** A record, and the rows that say that it was tokenized, corrected or erased, before they are believed. */
export type FoundRecord = Omit<RecordToCheck, 'events'> & { log: readonly EventRow[] }

/** A record with all that must agree with it. */
export type RecordToCheck = RecordRow & {
  terms: Buffer
  erased_at: Date | null
  versions: VersionsOf | undefined
  /** What the log says of it. */
  events: EventsOf
  stored: ReadonlyMap<string, StoredTerm>
}

/** Which of its versions are kept. */
interface VersionsOf {
  count: number
  first: number
  last: number
}

/** A search term as it is in its table. */
interface StoredTerm {
  key_id: string
  mac: Buffer | null
}

const SELECT_RECORDS: Statement = {
  name: 'select-records-to-check',
  text: `SELECT ${RECORD_COLUMNS}, terms, erased_at FROM records
         WHERE ${isBehindSql('$1')} ORDER BY token LIMIT $2`,
}
const SELECT_VERSIONS_OF: Statement = {
  name: 'select-versions-of-records-to-check',
  text: `SELECT token, count(*)::integer AS count, min(version) AS first, max(version) AS last
         FROM record_versions WHERE token = ANY ($1::uuid[]) GROUP BY token`,
}
const SELECT_TERMS_OF: Statement = {
  name: 'select-terms-of-records-to-check',
  text: `SELECT s.token, encode(s.term, 'hex') AS term, s.key, s.mac
         FROM unnest($1::uuid[]) AS w (token) JOIN records r USING (token)
         CROSS JOIN LATERAL generate_series(0, length(r.terms) / ${TERM_BYTES} - 1) AS at
         JOIN search_terms s ON s.term = substr(r.terms, 1 + ${TERM_BYTES} * at, ${TERM_BYTES}) AND s.token = r.token`,
}
const SELECT_EVENTS_OF: Statement = {
  name: 'select-log-of-records-to-check',
  text: `SELECT ${EVENT_ROW} FROM unnest($1::uuid[]) AS w (token)
         JOIN audit_events e ON e.token = w.token AND e.type = ANY (ARRAY(
           SELECT id FROM dictionary WHERE sort = 'type' AND name IN ('record.tokenize', 'record.correct', 'consent.give', 'consent.withdraw', 'record.erase')))
           AND strpos(e.body, '"outcome":"success"') > 0`,
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/** Records in the order of their tokens, each with its versions, its terms and what the log says of it. */
export async function selectRecordsToCheck(tx: Queryable, after: string, limit: number): Promise<FoundRecord[]> {
  const found = await tx.query<Record<string, unknown>>(SELECT_RECORDS, [uuidOf(after) ?? null, limit])
  const rows = await spellOut<RecordRow & { terms: Buffer; erased_at: Date | null }>(tx, found)
  const tokens = rows.map(({ token }) => token)
  const uuids = idArray(tokens)
  const versions = await tx.query<VersionsOf & { token: string }>(SELECT_VERSIONS_OF, [uuids])
  const terms = await spellOut<StoredTerm & { token: string; term: string }>(
    tx,
    await tx.query(SELECT_TERMS_OF, [uuids]),
  )
  const events = await queryEvents<EventRow>(tx, SELECT_EVENTS_OF, [uuids])
  const versionsOf = new Map(versions.map((row) => [row.token, row]))
  const termsOf = Map.groupBy(terms, ({ token }) => token)
  // Only the body has the prefix of a token, and the body is not believed yet.
  const logOf = Map.groupBy(events, (event) => uuidOf(event.token!))
  return rows.map((row) => ({
    ...row,
    versions: versionsOf.get(uuidOf(row.token)!),
    log: logOf.get(uuidOf(row.token)) ?? [],
    stored: new Map(termsOf.get(uuidOf(row.token)!)?.map((stored) => [stored.term, stored])),
  }))
}

/** A version that was replaced, and the record that it belongs to. */
export interface VersionToCheck extends Pick<StoredRecord, 'token' | 'version' | 'kind' | 'site'> {
  replaced_at: Date
  display_key_id: string
  display_sealed: Buffer
  secret_key_id: string
  secret_sealed: Buffer
  /** Null when the record is gone or erased. */
  current: number | null
}

const SELECT_VERSIONS: Statement = {
  name: 'select-versions-to-check',
  text: `SELECT v.*, r.version AS current FROM (
           SELECT * FROM record_versions WHERE (token, version) > ($1::uuid, $2::integer)
           ORDER BY token, version LIMIT $3) v
         LEFT JOIN records r ON r.token = v.token AND r.erased_at IS NULL ORDER BY v.token, v.version`,
}

export async function selectVersionsToCheck(
  db: Queryable,
  [token = '', version = -1]: readonly unknown[],
  limit: number,
): Promise<VersionToCheck[]> {
  const after = [uuidOf(token as string) ?? FIRST_UUID, version]
  return spellOut(db, await db.query(SELECT_VERSIONS, [...after, limit]))
}

/** A search term, and the record that it leads to. */
export interface TermToCheck {
  term: Buffer
  /** The 16 bytes of the token, as a uuid. */
  uuid: string
  /** No token where there is no such record, and no version of one. */
  token: string
  key_id: string
  is_found: boolean
  is_remembered: boolean
}

const SELECT_TERMS: Statement = {
  name: 'select-terms-to-check',
  text: `SELECT s.term, s.token AS uuid, s.token, s.key,
                coalesce(r.kind, (SELECT kind FROM record_versions v WHERE v.token = s.token LIMIT 1)) AS kind,
                r.token IS NOT NULL AND r.erased_at IS NULL AS is_found,
                coalesce(position(s.term IN r.terms) > 0, false) AS is_remembered
         FROM (SELECT * FROM search_terms WHERE (term, token) > ($1::bytea, $2::uuid) ORDER BY term, token LIMIT $3) s
         LEFT JOIN records r ON r.token = s.token ORDER BY s.term, s.token`,
}

export async function selectTermsToCheck(
  db: Queryable,
  [term = Buffer.alloc(0), uuid = FIRST_UUID]: readonly unknown[],
  limit: number,
): Promise<TermToCheck[]> {
  return spellOut(db, await db.query(SELECT_TERMS, [term, uuid, limit]))
}

/** A kept answer. */
export interface AnswerToCheck {
  key_hash: Buffer
  request_hash: Buffer
  index_key_id: string
  response_key_id: string | null
  response_sealed: Buffer | null
  expires_at: Date
}

const SELECT_ANSWERS: Statement = {
  name: 'select-answers-to-check',
  text: `SELECT key_hash, request_hash, index_key, response_key, response_sealed, expires_at
         FROM idempotency_keys WHERE key_hash > $1 ORDER BY key_hash LIMIT $2`,
}
const SELECT_LIVE: Statement = {
  name: 'select-live-records-to-check',
  text: 'SELECT token, kind FROM records WHERE token = ANY ($1::uuid[]) AND erased_at IS NULL',
}

export async function selectAnswersToCheck(
  db: Queryable,
  [hash = Buffer.alloc(0)]: readonly unknown[],
  limit: number,
): Promise<AnswerToCheck[]> {
  return spellOut(db, await db.query(SELECT_ANSWERS, [hash, limit]))
}

/** Those of the records that are there. */
export async function selectLive(db: Queryable, tokens: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await spellOut<{ token: string }>(db, await db.query(SELECT_LIVE, [idArray(tokens)]))
  return new Set(rows.map(({ token }) => token))
}

/** A sealed reason, and the event or approval that it belongs to. */
export interface ReasonToCheck {
  event: string
  reason_key_id: string
  reason_sealed: Buffer
  /** The row of its event, before it is believed. */
  beside: EventRow | undefined
  /** The record of the approval; null when there is none. */
  approved: string | null
  /** Which of both records were erased. */
  erased: readonly string[]
}

const SELECT_REASONS: Statement = {
  name: 'select-reasons-to-check',
  text: `SELECT p.event, p.reason_key, p.reason_sealed, a.token AS approved, ${EVENT_ROW},
                ARRAY(SELECT r.token FROM records r WHERE r.token IN (e.token, id_uuid(a.token)) AND r.erased_at IS NOT NULL) AS erased
         FROM (SELECT * FROM reveal_reasons WHERE event > $1 ORDER BY event LIMIT $2) p
         LEFT JOIN audit_events e ON e.id = CASE WHEN p.event LIKE 'evt\\_%' THEN id_uuid(p.event) END LEFT JOIN approvals a ON a.id = p.event ORDER BY p.event`,
}

type ReasonRow = Omit<ReasonToCheck, 'beside' | 'reason_key_id'> & EventRow & { id: string | null; reason_key: number }

export async function selectReasonsToCheck(
  db: Queryable,
  [event = '']: readonly unknown[],
  limit: number,
): Promise<ReasonToCheck[]> {
  const found = await queryEvents<ReasonRow>(db, SELECT_REASONS, [event, limit])
  const nameOf = await db.dictionary.names(
    'key',
    found.map(({ reason_key }) => reason_key),
  )
  const rows = found.map(({ reason_key, ...row }) => ({ ...row, reason_key_id: nameOf(reason_key) }))
  return rows.map(({ event, reason_key_id, reason_sealed, approved, erased, ...row }) => {
    return { event, reason_key_id, reason_sealed, approved, erased, beside: row.id === null ? undefined : row }
  })
}
