import { finishEvent, type UnfinishedEvent } from '../audit/unfinished-event.ts'
import { integerArray, textArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import { opaqueArray } from '../database/opaque-array.ts'
import type { Sealed } from '../keys/seal.ts'
import { Problem } from '../problem.ts'
import type { IdempotencyRow } from './idempotency-store.ts'
import type { OpenRecord, RecordPart, SealedReason, StoredRecord } from './record.ts'
import { commitFindings, type Finding } from './search-store.ts'
import type { Token } from './token.ts'

/** One record that a request asks for, and the event of its release. */
export interface WantedRecord {
  token: Token
  /** What comes back of it. */
  part: RecordPart
  /** The record as it was opened: it leaves in no other version. Without it, it leaves as it is found. */
  opened?: OpenedRecord | undefined
  /** The consent that the record must carry. */
  consent?: string | undefined
  event: UnfinishedEvent
}

/** A record that was looked up before, with its secret part. */
export type OpenedRecord = Omit<StoredRecord, 'display'>

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

/** Undefined: there is no such record, or it is another site's. `changed`: it was corrected since it was opened. */
export type ReleaseOutcome = ReleasedRecord | 'erased' | 'consent-missing' | 'changed' | undefined

/**
 * The records are looked up one by one, along their primary key: a plan made while the table was small would go on to read
 * all of it.
 */
const SELECT_WANTED: Statement = {
  name: 'select-records-to-release',
  text: `SELECT w.item, r.token, r.kind, r.site, r.version, r.policy_version, r.consents, r.created_at, r.updated_at,
                r.erased_at IS NULL AS live, w.consent IS NULL OR w.consent = ANY (r.consents) AS consented,
                CASE w.part WHEN 'display' THEN r.display_key_id ELSE r.secret_key_id END AS key_id,
                CASE w.part WHEN 'display' THEN r.display_sealed ELSE r.secret_sealed END AS sealed
         FROM unnest(${opaqueArray(1, 'integer')}, $2::text[], $3::text[], $4::text[], $5::text[])
                AS w (item, token, site, part, consent)
         CROSS JOIN LATERAL (SELECT * FROM records WHERE token = w.token AND site = w.site OFFSET 0) r`,
}

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

/** A record that is corrected again and again, each time between the look and the commit, is not waited for any longer. */
const ATTEMPTS = 5

/**
 * Looks up what any number of requests ask for and have not opened yet, and then commits the event of each release if its record still stands as it
 * was found: what comes back may leave. The lock of that commit orders a release against erasure and correction, whoever
 * commits first is the earlier one, so nothing leaves after an erasure was acknowledged. It does not stand in the way of a
 * rotation. An event names the version that leaves, and has its MAC before it is written: so the look comes first.
 *
 * @returns for each request the outcomes of its records, in their order
 * @throws {Problem} audit-unavailable, busy
 */
export async function releaseRecords(db: Queryable, releases: readonly Release[]): Promise<ReleaseOutcome[][]> {
  const outcomes: ReleaseOutcome[][] = releases.map(() => [])
  let open = [...releases.keys()]
  for (let attempt = 0; open.length > 0; attempt++) {
    if (attempt === ATTEMPTS) throw new Problem('busy')
    const asked = open.map((at) => releases[at]!)
    const isFirst = attempt === 0
    const found = await findWanted(db, asked, isFirst)
    const committed = await commitFindings(
      db,
      asked.map((release, at) => toFinding(release, found[at]!)),
    )
    for (const [at, release] of open.entries()) if (committed[at]) outcomes[release] = found[at]!
    open = open.filter((_, at) => !committed[at])
  }
  return outcomes
}

/** @param believesOpened whether what was opened counts as found: whether it still stands is for the commit to say */
async function findWanted(
  db: Queryable,
  releases: readonly Release[],
  believesOpened: boolean,
): Promise<ReleaseOutcome[][]> {
  const all = releases.flatMap(({ site, records }) => records.map((record) => ({ ...record, site })))
  const outcomes: ReleaseOutcome[] = all.map(({ opened }) => opened && { ...opened, sealed: opened.secret })
  const items = all.map((item, at) => ({ ...item, at })).filter(({ opened }) => !(believesOpened && opened))
  const rows = items.length === 0 ? [] : await selectWanted(db, items)
  for (const { at } of items) outcomes[at] = undefined
  for (const row of rows) outcomes[row.item] = toOutcome(row, all[row.item]?.opened)
  let start = 0
  return releases.map(({ records }) => {
    start += records.length
    return outcomes.slice(start - records.length, start)
  })
}

function selectWanted(
  db: Queryable,
  items: readonly (WantedRecord & { site: string; at: number })[],
): Promise<FoundRow[]> {
  return db.query<FoundRow>(SELECT_WANTED, [
    integerArray(items.map(({ at }) => at)),
    textArray(items.map(({ token }) => token)),
    textArray(items.map(({ site }) => site)),
    textArray(items.map(({ part }) => part)),
    textArray(items.map(({ consent }) => consent ?? null)),
  ])
}

/** What of a request leaves, with the events of that and of nothing else. */
function toFinding(release: Release, outcomes: readonly ReleaseOutcome[]): Finding {
  const { owner, records, reasons = [], idempotency, now } = release
  const leaving = records.flatMap(({ event, consent }, at) => {
    const outcome = outcomes[at]
    return typeof outcome === 'object' ? [{ ...outcome, consent, event: finishEvent(event, outcome) }] : []
  })
  const events = leaving.map(({ event }) => event)
  return {
    ...(owner === undefined ? {} : { owner }),
    events,
    reasons: reasons.filter((reason) => events.some(({ id }) => id === reason.event)),
    records: leaving,
    idempotency: leaving.length > 0 ? idempotency : undefined,
    now,
  }
}

function toOutcome(row: FoundRow, opened: OpenedRecord | undefined): ReleaseOutcome {
  if (!row.live) return 'erased'
  if (!row.consented) return 'consent-missing'
  if (opened !== undefined && opened.version !== row.version) return 'changed'
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
