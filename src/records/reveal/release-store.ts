import type { Presumption } from '../../access/policy/presumption.ts'
import { finishEvent, type UnfinishedEvent } from '../../audit/event/unfinished-event.ts'
import type { WAITS } from '../../database/batch.ts'
import { integerArray } from '../../database/binary-array.ts'
import { buildStatement } from '../../database/build-statement.ts'
import type { Queryable } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { nameOfConsents, smallNumbers, spellOut } from '../../database/lean-rows.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import { Problem } from '../../values/problem.ts'
import type { IdempotencyRow } from '../idempotency/idempotency-store.ts'
import type { SealedReason } from '../record/record.ts'
import type { FoundRecord } from '../search/look-up-store.ts'
import { commitMatches, type Match } from '../search/search-store.ts'

/** One record that a request has opened, and the event of its release. */
interface WantedRecord {
  /** The record as it was opened. It leaves in this version only. */
  record: Omit<FoundRecord, 'sealed'>
  /** The consent that the record must carry. */
  consent?: string | undefined
  event: UnfinishedEvent
}

/** What one request has opened, on its caller's site. */
export interface Release {
  /** The caller whose request it is. */
  owner?: string
  /** What must hold of the caller; nothing is released otherwise. */
  presumption?: Presumption | undefined
  site: string
  records: readonly WantedRecord[]
  reasons?: readonly SealedReason[]
  /** Kept when at least one of the records is released. */
  idempotency?: IdempotencyRow | undefined
  now: Date
}

/**
 * `released`: its event is written, and it may leave. `changed`: it was corrected since it was opened. Undefined: the
 * record does not exist any longer.
 */
export type ReleaseOutcome = 'released' | 'erased' | 'consent-missing' | 'changed' | undefined

/**
 * The records are looked up one by one, along their primary key: a plan made while the table was small would still read
 * all of it.
 */
const SELECT_STANDING = buildStatement(
  'select-records-to-release',
  { item: 'integer[]', token: 'uuid[]', site: 'smallint[]' },
  (p) => `SELECT w.item, r.version, r.erased_at IS NULL AS live, r.consents
         FROM unnest(${opaqueArray(p.item)}, ${p.token}, ${p.site}) AS w (item, token, site)
         CROSS JOIN LATERAL (SELECT * FROM records WHERE token = w.token AND site = w.site OFFSET 0) r`,
)

interface StandingRow {
  item: number
  version: number
  live: boolean
  consents: string[]
}

/** A record that was corrected between look and commit each time is not tried again. */
const ATTEMPTS = 5

/**
 * Commits the event of each release whose record is still as it was opened. The lock of that commit orders a release
 * against erasure and correction, so nothing leaves after an erasure was acknowledged. It does not block a rotation. A
 * request with missing records is tried again with the others.
 *
 * @param mayWait whether a statement waits while a record is being erased or corrected
 * @returns for each request the outcomes of its records, in their order; `WAITS` if the statement did not wait for one; an error if
 *   its caller is not what it presumes
 * @throws {Problem} audit-unavailable, busy
 */
export async function releaseRecords(
  db: Queryable,
  releases: readonly Release[],
  mayWait: boolean,
): Promise<(ReleaseOutcome[] | typeof WAITS | Error)[]> {
  const outcomes = releases.map(({ records }) => records.map((): ReleaseOutcome => 'released'))
  const left = new Map<number, typeof WAITS | Error>()
  let open = [...releases.keys()]
  for (let attempt = 0; open.length > 0; attempt++) {
    if (attempt === ATTEMPTS) throw new Problem('busy')
    if (attempt > 0) {
      const standing = await findStanding(
        db,
        open.map((at) => releases[at]!),
      )
      for (const [nth, at] of open.entries()) outcomes[at] = standing[nth]!
    }
    const committed = await commitMatches(
      db,
      open.map((at) => toFinding(releases[at]!, outcomes[at]!)),
      mayWait,
    )
    for (const [nth, at] of open.entries()) {
      const outcome = committed[nth]!
      if (typeof outcome !== 'boolean') left.set(at, outcome)
    }
    open = open.filter((_, nth) => committed[nth] === false)
  }
  return outcomes.map((ofRequest, at) => left.get(at) ?? ofRequest)
}

async function findStanding(db: Queryable, releases: readonly Release[]): Promise<ReleaseOutcome[][]> {
  const items = releases.flatMap(({ site, records }) => records.map((one) => ({ ...one, site })))
  const sites = items.map(({ site }) => site)
  const values = SELECT_STANDING.valuesOf({
    item: integerArray(items.map((_, at) => at)),
    token: idArray(items.map(({ record }) => record.token)),
    site: await smallNumbers(db, 'site', sites),
  })
  const rows = await db.query<Record<string, unknown>>(SELECT_STANDING, values)
  const outcomes: ReleaseOutcome[] = items.map(() => undefined)
  for (const row of await spellOut<StandingRow>(db, rows)) outcomes[row.item] = toOutcome(row, items[row.item]!)
  let start = 0
  return releases.map(({ records }) => {
    start += records.length
    return outcomes.slice(start - records.length, start)
  })
}

function toOutcome({ live, consents, version }: StandingRow, { record, consent }: WantedRecord): ReleaseOutcome {
  if (!live) return 'erased'
  if (consent !== undefined && !consents.includes(consent)) return 'consent-missing'
  return version === record.version && isSameSet(consents, record.consents) ? 'released' : 'changed'
}

/** A correction keeps the consents; a change of them beside it changes what the record was opened with. */
function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return nameOfConsents(one) === nameOfConsents(other)
}

/** The records of a request that leave, with their events only. */
function toFinding(release: Release, outcomes: readonly ReleaseOutcome[]): Match {
  const { owner, presumption, records, reasons = [], idempotency, now } = release
  const leaving = records.filter((_, at) => outcomes[at] === 'released')
  const events = leaving.map(({ event, record }) => finishEvent(event, record))
  return {
    ...(owner === undefined ? {} : { owner }),
    presumption,
    events,
    reasons: reasons.filter((reason) => events.some(({ id }) => id === reason.event)),
    records: leaving.map(({ record: { token, version, consents }, consent }) => ({
      token,
      version,
      consents,
      consent,
    })),
    idempotency: leaving.length > 0 ? idempotency : undefined,
    now,
  }
}
