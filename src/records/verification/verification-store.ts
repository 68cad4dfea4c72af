import type { Database, Queryable, Statement } from '../../database/database.ts'
import { CENSUS_TIMEOUT_MS } from '../../keys/sealed-columns.ts'
import type { StoredRecord } from '../record.ts'
import { RECORD_COLUMNS, type RecordRow } from '../record-store.ts'

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

/** Only of what is a drop: the text cannot stand in a member's value, since there its quotation marks are escaped. */
const DROPPED_UNTIL: Statement = {
  name: 'select-dropped-until',
  text: `SELECT max(substring(body FROM '"until":"([^"]{1,40})"')) AS until FROM audit_events WHERE type = 'audit.drop'`,
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/** Until when events were dropped by retention, in milliseconds; events of before may be missing. */
export async function selectDroppedUntil(db: Queryable): Promise<number> {
  const [row] = await db.query<{ until: string | null }>(DROPPED_UNTIL)
  return row?.until ? Date.parse(row.until) : Number.NEGATIVE_INFINITY
}

/** A record with all that must agree with it. */
export type RecordToCheck = RecordRow & {
  terms: Buffer
  erased_at: Date | null
  versions: VersionsOf | undefined
  events: EventsOf
  stored: ReadonlyMap<string, StoredTerm>
}

/** Which of its versions are kept. */
export interface VersionsOf {
  count: number
  first: number
  last: number
}

/** What the log says of a record. */
export interface EventsOf {
  is_tokenized: boolean
  is_erased: boolean
  /** The version that the latest correction has made. */
  corrected_to: number | null
  policy_version: string | null
  site: string | null
}

/** A search term as it stands in its table. */
export interface StoredTerm {
  key_id: string
  mac: Buffer | null
}

const SELECT_RECORDS: Statement = {
  name: 'select-records-to-check',
  text: `SELECT ${RECORD_COLUMNS}, terms, erased_at FROM records WHERE token > $1 ORDER BY token LIMIT $2`,
}
const SELECT_VERSIONS_OF: Statement = {
  name: 'select-versions-of-records-to-check',
  text: `SELECT token, count(*)::integer AS count, min(version) AS first, max(version) AS last
         FROM record_versions WHERE token = ANY ($1::text[]) GROUP BY token`,
}
const SELECT_TERMS_OF: Statement = {
  name: 'select-terms-of-records-to-check',
  text: `SELECT s.token, encode(s.term, 'hex') AS term, s.key_id, s.mac
         FROM records r CROSS JOIN LATERAL generate_series(0, length(r.terms) / 32 - 1) AS at
         JOIN search_terms s ON s.term = substr(r.terms, 1 + 32 * at, 32) AND s.token = r.token
         WHERE r.token = ANY ($1::text[])`,
}
const SELECT_EVENTS_OF: Statement = {
  name: 'select-log-of-records-to-check',
  text: `SELECT w.token, e.* FROM unnest($1::text[]) AS w (token) CROSS JOIN LATERAL (
           SELECT coalesce(bool_or(type = 'record.tokenize'), false) AS is_tokenized,
                  coalesce(bool_or(type = 'record.erase'), false) AS is_erased,
                  max(substring(body FROM '"record_version":([0-9]{1,9})[,}]')::integer)
                    FILTER (WHERE type = 'record.correct') AS corrected_to,
                  min(substring(body FROM '"policy_version":"([^"]*)"'))
                    FILTER (WHERE type = 'record.tokenize') AS policy_version,
                  min(site) FILTER (WHERE type = 'record.tokenize') AS site
           FROM audit_events
           WHERE token = w.token AND type IN ('record.tokenize', 'record.correct', 'record.erase')
             AND position('"outcome":"success"' IN body) > 0) e`,
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/** Records in the order of their tokens, each with its versions, its terms and what the log says of it. */
export async function selectRecordsToCheck(tx: Queryable, after: string, limit: number): Promise<RecordToCheck[]> {
  const rows = await tx.query<RecordRow & { terms: Buffer; erased_at: Date | null }>(SELECT_RECORDS, [after, limit])
  const tokens = [rows.map(({ token }) => token)]
  const versions = await tx.query<VersionsOf & { token: string }>(SELECT_VERSIONS_OF, tokens)
  const terms = await tx.query<StoredTerm & { token: string; term: string }>(SELECT_TERMS_OF, tokens)
  const events = await tx.query<EventsOf & { token: string }>(SELECT_EVENTS_OF, tokens)
  const versionsOf = new Map(versions.map((row) => [row.token, row]))
  const termsOf = Map.groupBy(terms, ({ token }) => token)
  const eventsOf = new Map(events.map((row) => [row.token, row]))
  return rows.map((row) => ({
    ...row,
    versions: versionsOf.get(row.token),
    events: eventsOf.get(row.token)!,
    stored: new Map(termsOf.get(row.token)?.map((stored) => [stored.term, stored])),
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
           SELECT * FROM record_versions WHERE (token, version) > ($1::text, $2::integer)
           ORDER BY token, version LIMIT $3) v
         LEFT JOIN records r ON r.token = v.token AND r.erased_at IS NULL ORDER BY v.token, v.version`,
}

export function selectVersionsToCheck(
  db: Queryable,
  [token = '', version = -1]: readonly unknown[],
  limit: number,
): Promise<VersionToCheck[]> {
  return db.query(SELECT_VERSIONS, [token, version, limit])
}

/** A search term, and what becomes of it. */
export interface TermToCheck {
  term: Buffer
  token: string
  key_id: string
  is_found: boolean
  is_remembered: boolean
}

const SELECT_TERMS: Statement = {
  name: 'select-terms-to-check',
  text: `SELECT s.term, s.token, s.key_id, r.token IS NOT NULL AS is_found,
                coalesce(position(s.term IN r.terms) > 0, false) AS is_remembered
         FROM (SELECT * FROM search_terms WHERE (term, token) > ($1::bytea, $2::text) ORDER BY term, token LIMIT $3) s
         LEFT JOIN records r ON r.token = s.token AND r.erased_at IS NULL ORDER BY s.term, s.token`,
}

export function selectTermsToCheck(
  db: Queryable,
  [term = Buffer.alloc(0), token = '']: readonly unknown[],
  limit: number,
): Promise<TermToCheck[]> {
  return db.query(SELECT_TERMS, [term, token, limit])
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
  text: `SELECT key_hash, request_hash, index_key_id, response_key_id, response_sealed, expires_at
         FROM idempotency_keys WHERE key_hash > $1 ORDER BY key_hash LIMIT $2`,
}
const SELECT_LIVE: Statement = {
  name: 'select-live-records-to-check',
  text: 'SELECT token FROM records WHERE token = ANY ($1::text[]) AND erased_at IS NULL',
}

export function selectAnswersToCheck(
  db: Queryable,
  [hash = Buffer.alloc(0)]: readonly unknown[],
  limit: number,
): Promise<AnswerToCheck[]> {
  return db.query(SELECT_ANSWERS, [hash, limit])
}

/** Those of the records that are there. */
export async function selectLive(db: Queryable, tokens: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ token: string }>(SELECT_LIVE, [tokens])
  return new Set(rows.map(({ token }) => token))
}

/** A sealed reason, and the event or approval that it stands beside. */
export interface ReasonToCheck {
  event: string
  reason_key_id: string
  reason_sealed: Buffer
  /** Of the event; null for an approval, and when neither is there. */
  type: string | null
  is_found: boolean
  token: string | null
  is_erased: boolean
}

const SELECT_REASONS: Statement = {
  name: 'select-reasons-to-check',
  text: `SELECT p.event, p.reason_key_id, p.reason_sealed, e.type, e.id IS NOT NULL OR a.id IS NOT NULL AS is_found,
                coalesce(e.token, a.token) AS token, coalesce(r.erased_at IS NOT NULL, false) AS is_erased
         FROM (SELECT * FROM reveal_reasons WHERE event > $1 ORDER BY event LIMIT $2) p
         LEFT JOIN audit_events e ON e.id = p.event LEFT JOIN approvals a ON a.id = p.event
         LEFT JOIN records r ON r.token = coalesce(e.token, a.token) ORDER BY p.event`,
}

export function selectReasonsToCheck(
  db: Queryable,
  [event = '']: readonly unknown[],
  limit: number,
): Promise<ReasonToCheck[]> {
  return db.query(SELECT_REASONS, [event, limit])
}

/** A page of the log: how many events it has, which is the last, and which records of it are not there. */
export interface LoggedRecords {
  count: number
  last: string | null
  missing: string[]
}

const SELECT_LOGGED: Statement = {
  name: 'select-logged-records',
  text: `WITH page AS MATERIALIZED (
           SELECT id, token, type = 'record.tokenize' AND position('"outcome":"success"' IN body) > 0 AS is_tokenized
           FROM audit_events WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3)
         SELECT (SELECT count(*)::integer FROM page) AS count, (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last,
                coalesce((SELECT array_agg(p.token) FROM page p
                          WHERE is_tokenized AND NOT EXISTS (SELECT FROM records r WHERE r.token = p.token)), '{}') AS missing`,
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/** The records that events say were stored, from one event to another. */
export async function selectLoggedRecords(
  db: Queryable,
  [after = '']: readonly unknown[],
  until: string,
  limit: number,
): Promise<LoggedRecords> {
  return (await db.query<LoggedRecords>(SELECT_LOGGED, [after, until, limit]))[0]!
}
