import type { UnfinishedEvent } from '../audit/audit-event.ts'
import { byteaArray, integerArray, textArray, timestampArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import { opaqueArray } from '../database/opaque-array.ts'

import type { Sealed } from '../keys/seal.ts'
import { claimedRows, type IdempotencyRow, idempotencyColumns, insertIdempotencySql } from './idempotency-store.ts'
import type { OpenRecord, RecordPart, StoredRecord } from './record.ts'
import type { Token } from './token.ts'

/** The sealed reason of a reveal, beside its event. */
export interface SealedReason {
  event: string
  keyId: string
  bytes: Buffer
}

/** One record that a request asks for, and the event of its release. */
export interface WantedRecord {
  token: Token
  part: RecordPart
  /** The consent that the record must carry. */
  consent?: string | undefined
  event: UnfinishedEvent
}

/** What one request asks for, on its caller's site. */
export interface Release {
  /** The caller whose request it is. */
  owner?: string
  site: string
  records: readonly WantedRecord[]
  reasons?: readonly SealedReason[]
  /** Kept when at least one of the records is released. */
  idempotency?: IdempotencyRow | undefined
  now: Date
}

/** A record whose release is committed, with the one part that was asked for. */
export interface ReleasedRecord extends OpenRecord {
  sealed: Sealed
}

/** Undefined: there is no such record, or it is another site's. */
export type ReleaseOutcome = ReleasedRecord | 'erased' | 'consent-missing' | undefined

/**
 * `found` are the records as they stand when their lock is granted, `granted` those that may leave. An event is written for
 * each of these, its policy version and record version filled in from the record itself.
 *
 * The records are looked up one by one, along their primary key: a plan made while the table was small would go on to read
 * all of it. What else is to be written stands in `also`, for PostgreSQL opens a table and its indexes for every INSERT,
 * whether rows come or not.
 */
const releaseStatement = (name: string, also: string): Statement => ({
  name,
  text: `WITH
    wanted AS (
      SELECT * FROM unnest(${opaqueArray(1, 'integer')}, $2::integer[], $3::text[], $4::text[], $5::text[],
                           $6::text[], $7::text[], $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
        AS w (item, release, token, site, part, consent, event, occurred_at, type, caller, head, middle, tail)),
    found AS (
      SELECT w.item, w.release, w.event, w.occurred_at, w.type, w.caller, w.head, w.middle, w.tail,
             r.token, r.kind, r.site, r.version, r.policy_version, r.consents, r.created_at, r.updated_at,
             r.erased_at IS NULL AS live, w.consent IS NULL OR w.consent = ANY (r.consents) AS consented,
             CASE w.part WHEN 'display' THEN r.display_key_id ELSE r.secret_key_id END AS key_id,
             CASE w.part WHEN 'display' THEN r.display_sealed ELSE r.secret_sealed END AS sealed
      FROM wanted w CROSS JOIN LATERAL (
        SELECT * FROM records WHERE token = w.token AND site = w.site FOR KEY SHARE) r),
    granted AS (SELECT * FROM found WHERE live AND consented),
    new_events AS (
      INSERT INTO audit_events (id, occurred_at, type, caller, token, site, body)
      SELECT event, occurred_at, type, caller, token, site,
             head || coalesce('"policy_version":' || to_json(policy_version)::text || ',', '')
                  || middle || '"record_version":' || version || ',' || tail
      FROM granted)${also}
    SELECT item, token, kind, site, version, policy_version, consents, created_at, updated_at, live, consented, key_id, sealed
    FROM found`,
})
const RELEASE_RECORDS = releaseStatement('release-records', '')
const RELEASE_AND_KEEP = releaseStatement(
  'release-records-and-keep',
  `,
    new_reasons AS (
      INSERT INTO reveal_reasons (event, reason_key_id, reason_sealed)
      SELECT event, key_id, sealed FROM unnest($14::text[], $15::text[], $16::bytea[]) AS n (event, key_id, sealed)
      WHERE event IN (SELECT event FROM granted)),
    new_idempotency AS (${insertIdempotencySql(17, 'WHERE release IN (SELECT release FROM granted)')})`,
)

interface FoundRow {
  item: number
  token: Token
  kind: StoredRecord['kind']
  site: string
  version: number
  policy_version: string | null
  consents: string[]
  created_at: Date
  updated_at: Date
  live: boolean
  consented: boolean
  key_id: string
  sealed: Buffer
}

/**
 * Looks up what any number of requests ask for and commits the event of each release, in one statement: what comes back
 * may leave. The key-share lock orders a release against erasure and correction, whoever commits first is the earlier
 * one, so nothing leaves after an erasure was acknowledged. It does not stand in the way of a rotation.
 *
 * @returns for each request the outcomes of its records, in their order
 * @throws {Problem} audit-unavailable
 */
export async function releaseRecords(db: Queryable, releases: readonly Release[]): Promise<ReleaseOutcome[][]> {
  const items = releases.flatMap(({ site, records }, release) =>
    records.map((record) => ({ ...record, site, release })),
  )
  const events = items.map(({ event }) => event)
  const reasons = releases.flatMap((release) => release.reasons ?? [])
  const claimed = claimedRows(releases.map((release, at) => ({ ...release, at })))
  const keeps = reasons.length > 0 || claimed.length > 0
  const kept = () => [
    textArray(reasons.map(({ event }) => event)),
    textArray(reasons.map(({ keyId }) => keyId)),
    byteaArray(reasons.map(({ bytes }) => bytes)),
    ...idempotencyColumns(claimed),
    integerArray(claimed.map(({ write }) => write.at)),
  ]
  const rows = await db.query<FoundRow>(keeps ? RELEASE_AND_KEEP : RELEASE_RECORDS, [
    integerArray(items.map((_, at) => at)),
    integerArray(items.map(({ release }) => release)),
    textArray(items.map(({ token }) => token)),
    textArray(items.map(({ site }) => site)),
    textArray(items.map(({ part }) => part)),
    textArray(items.map(({ consent }) => consent ?? null)),
    textArray(events.map(({ id }) => id)),
    timestampArray(events.map(({ occurredAt }) => occurredAt)),
    textArray(events.map(({ type }) => type)),
    textArray(events.map(({ caller }) => caller)),
    ...[0, 1, 2].map((piece) => textArray(events.map(({ body }) => body[piece]!))),
    ...(keeps ? kept() : []),
  ])
  const outcomes: ReleaseOutcome[] = items.map(() => undefined)
  for (const row of rows) outcomes[row.item] = toOutcome(row)
  let start = 0
  return releases.map(({ records }) => {
    start += records.length
    return outcomes.slice(start - records.length, start)
  })
}

function toOutcome(row: FoundRow): ReleaseOutcome {
  if (!row.live) return 'erased'
  if (!row.consented) return 'consent-missing'
  const { token, kind, site, version, consents } = row
  return {
    token,
    kind,
    site,
    version,
    policyVersion: row.policy_version ?? undefined,
    consents,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    sealed: { keyId: row.key_id, bytes: row.sealed },
  }
}
