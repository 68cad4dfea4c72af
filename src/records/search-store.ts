import type { AuditEvent } from '../audit/audit-event.ts'
import { eventColumns } from '../audit/audit-store.ts'
import { integerArray, textArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import { opaqueArray } from '../database/opaque-array.ts'
import { claimedRows, type IdempotencyRow, idempotencyColumns, insertIdempotencySql } from './idempotency-store.ts'
import type { StoredRecord } from './record.ts'
import { RECORD_COLUMNS, type RecordRow, toRecord } from './record-store.ts'

const SEARCH: Statement = {
  name: 'search-records',
  text: `SELECT ${RECORD_COLUMNS} FROM records
         WHERE token IN (SELECT token FROM search_terms WHERE term = ANY($1::bytea[])) AND site = $2 AND erased_at IS NULL
         ORDER BY created_at DESC, token LIMIT $3`,
}

/** The live records of a site under any of the term hashes, newest first. */
export async function searchRecords(
  db: Queryable,
  site: string,
  hashes: readonly Buffer[],
  limit: number,
): Promise<StoredRecord[]> {
  const rows = await db.query<RecordRow>(SEARCH, [hashes, site, limit])
  return rows.map(toRecord).filter((record) => record !== 'erased')
}

const SELECT_TOKENS: Statement = {
  name: 'select-tokens-by-term',
  text: 'SELECT token FROM search_terms WHERE term = ANY($1::bytea[]) ORDER BY token',
}

/** The records under any of the term hashes, by their tokens. */
export async function selectTokens(db: Queryable, hashes: readonly Buffer[]): Promise<string[]> {
  return (await db.query<{ token: string }>(SELECT_TOKENS, [hashes])).map(({ token }) => token)
}

/** What a search answers with, and what must have committed before. */
export interface Finding {
  /** The caller whose search it is. */
  owner?: string
  events: readonly AuditEvent[]
  /** The records that leave, in the versions that were opened. */
  records: readonly Pick<StoredRecord, 'token' | 'version'>[]
  idempotency?: IdempotencyRow | undefined
  now: Date
}

/**
 * Every array of a finding carries, beside its values, the number of the finding in the statement: `granted` are those
 * whose records all stand as they were opened, and only their rows are written.
 */
const COMMIT_FINDINGS: Statement = {
  name: 'commit-findings',
  text: `WITH
    wanted AS (SELECT * FROM unnest(${opaqueArray(1, 'text')}, $2::integer[], $3::integer[]) AS w (token, version, finding)),
    live AS (
      SELECT finding FROM wanted w CROSS JOIN LATERAL (
        SELECT FROM records WHERE token = w.token AND version = w.version AND erased_at IS NULL FOR KEY SHARE) r),
    granted AS (
      SELECT f.finding FROM unnest($4::integer[], $5::integer[]) AS f (finding, records)
      WHERE f.records = (SELECT count(*) FROM live WHERE live.finding = f.finding)),
    new_idempotency AS (${insertIdempotencySql(6, 'WHERE release IN (SELECT finding FROM granted)')}),
    new_events AS (
      INSERT INTO audit_events (id, occurred_at, type, caller, token, site, body)
      SELECT id, occurred_at, type, caller, token, site, body
      FROM unnest($14::text[], $15::timestamptz[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::integer[])
        AS n (id, occurred_at, type, caller, token, site, body, finding)
      WHERE finding IN (SELECT finding FROM granted))
    SELECT finding FROM granted`,
}

/**
 * Commits the events of any number of searches in one statement, each if every record in it still stands in the version
 * that was opened. The key-share lock orders them against erasure and correction, as it does a release.
 *
 * @returns for each finding whether it was committed; false when one of its records was erased or corrected meanwhile
 * @throws {Problem} audit-unavailable
 */
export async function commitFindings(db: Queryable, findings: readonly Finding[]): Promise<boolean[]> {
  const number = <T>(pick: (finding: Finding) => readonly T[]) =>
    findings.flatMap((finding, at) => pick(finding).map((value) => ({ value, at })))
  const records = number((finding) => finding.records)
  const events = number((finding) => finding.events)
  const claimed = claimedRows(findings.map((finding, at) => ({ ...finding, at })))
  const granted = await db.query<{ finding: number }>(COMMIT_FINDINGS, [
    textArray(records.map(({ value }) => value.token)),
    integerArray(records.map(({ value }) => value.version)),
    integerArray(records.map(({ at }) => at)),
    integerArray(findings.map((_, at) => at)),
    integerArray(findings.map((finding) => finding.records.length)),
    ...idempotencyColumns(claimed),
    integerArray(claimed.map(({ write }) => write.at)),
    ...eventColumns(events.map(({ value }) => value)),
    integerArray(events.map(({ at }) => at)),
  ])
  const committed = new Set(granted.map(({ finding }) => finding))
  return findings.map((_, at) => committed.has(at))
}
