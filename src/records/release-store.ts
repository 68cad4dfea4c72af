import type { AuditEvent } from '../audit/audit-event.ts'
import { eventColumns } from '../audit/audit-store.ts'
import { byteaArray, integerArray, textArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import { claimedRows, type IdempotencyRow, idempotencyColumns, insertIdempotencySql } from './idempotency-store.ts'
import type { StoredRecord } from './record.ts'

/** The sealed reason of a reveal, beside its event. */
export interface SealedReason {
  event: string
  keyId: string
  bytes: Buffer
}

/** What leaves in one answer, and what must have committed before. */
export interface Release {
  events: readonly AuditEvent[]
  /** The records that leave, in the versions that were opened. */
  records: readonly Pick<StoredRecord, 'token' | 'version'>[]
  reasons?: readonly SealedReason[]
  idempotency?: IdempotencyRow | undefined
  now: Date
}

/**
 * Every array of a release carries, beside its values, the number of the release in the statement: `granted` are those
 * whose records all stand as they were opened, and only their rows are written.
 */
const COMMIT_RELEASES: Statement = {
  name: 'commit-releases',
  text: `WITH
    wanted AS (SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[]) AS w (token, version, release)),
    live AS (
      SELECT wanted.release FROM records r JOIN wanted ON r.token = wanted.token AND r.version = wanted.version
      WHERE r.erased_at IS NULL FOR KEY SHARE OF r),
    granted AS (
      SELECT r.release FROM unnest($4::integer[], $5::integer[]) AS r (release, records)
      WHERE r.records = (SELECT count(*) FROM live WHERE live.release = r.release)),
    new_reasons AS (
      INSERT INTO reveal_reasons (event, reason_key_id, reason_sealed)
      SELECT event, key_id, sealed FROM unnest($6::text[], $7::text[], $8::bytea[], $9::integer[]) AS n (event, key_id, sealed, release)
      WHERE release IN (SELECT release FROM granted)),
    new_idempotency AS (${insertIdempotencySql(10, 'WHERE release IN (SELECT release FROM granted)')}),
    new_events AS (
      INSERT INTO audit_events (id, occurred_at, type, caller, token, site, body)
      SELECT id, occurred_at, type, caller, token, site, body
      FROM unnest($18::text[], $19::timestamptz[], $20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::integer[])
        AS n (id, occurred_at, type, caller, token, site, body, release)
      WHERE release IN (SELECT release FROM granted))
    SELECT release FROM granted`,
}

/**
 * Commits the events of any number of releases in one statement, each if every record in it still stands in the version
 * that was opened. The key-share lock orders a release against erasure and correction, whoever commits first is the
 * earlier one, so nothing leaves after an erasure was acknowledged. It does not stand in the way of a rotation.
 *
 * @returns for each release whether it was committed; false when one of its records was erased or corrected meanwhile
 * @throws {Problem} audit-unavailable
 */
export async function commitReleases(db: Queryable, releases: readonly Release[]): Promise<boolean[]> {
  const number = <T>(pick: (release: Release) => readonly T[]) =>
    releases.flatMap((release, at) => pick(release).map((value) => ({ value, at })))
  const records = number((release) => release.records)
  const reasons = number((release) => release.reasons ?? [])
  const events = number((release) => release.events)
  const claimed = claimedRows(releases.map((release, at) => ({ ...release, at })))
  const granted = await db.query<{ release: number }>(COMMIT_RELEASES, [
    textArray(records.map(({ value }) => value.token)),
    integerArray(records.map(({ value }) => value.version)),
    integerArray(records.map(({ at }) => at)),
    integerArray(releases.map((_, at) => at)),
    integerArray(releases.map((release) => release.records.length)),
    textArray(reasons.map(({ value }) => value.event)),
    textArray(reasons.map(({ value }) => value.keyId)),
    byteaArray(reasons.map(({ value }) => value.bytes)),
    integerArray(reasons.map(({ at }) => at)),
    ...idempotencyColumns(claimed),
    integerArray(claimed.map(({ write }) => write.at)),
    ...eventColumns(events.map(({ value }) => value)),
    integerArray(events.map(({ at }) => at)),
  ])
  const committed = new Set(granted.map(({ release }) => release))
  return releases.map((_, at) => committed.has(at))
}
