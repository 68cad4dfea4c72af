import {
  PRESUMED_ARRAYS,
  PRESUMED_WITH_JTI_ARRAYS,
  provenSql,
  provenWithJtiSql,
} from '../../access/callers/presumption-store.ts'
import { EVENT_ARRAYS, insertEventsOfSql } from '../../audit/event/audit-store.ts'
import { buildStatement, type Parameters, type ParameterTypes } from '../../database/build-statement.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import { IDEMPOTENCY_ARRAYS, insertReleasedIdempotencySql } from '../idempotency/idempotency-store.ts'

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
 * Every array carries, beside its values, the number of the match in the statement: `granted` are those whose callers are proven
 * and whose records are all as they were opened and not locked, and only their rows are written. Where a record must carry a
 * consent, it must carry the very set that it was opened with, which is a number. What else is written is in `also`,
 * since PostgreSQL opens a table and its indexes for every INSERT, whether rows come or not.
 */
function commitMatchesSql(
  p: Parameters<typeof MATCH_ARRAYS>,
  proven: string,
  { also = '', isKept = 'true', isPresent = 'NULL' } = {},
): string {
  return `WITH
    ${proven},
    wanted AS (
      SELECT * FROM unnest(${opaqueArray(p.token)}, ${p.version}, ${p.record_match}, ${p.consents})
        AS w (token, version, match, consents)),
    live AS MATERIALIZED (
      SELECT match, is_locked FROM wanted JOIN hold_to_release(${opaqueArray(p.token)}, ${p.may_wait}) ON held = token
      WHERE held_version = version AND (consents IS NULL OR held_consents = consents)),
    standing AS (
      SELECT match, live.locked, live.records = f.records AS stands
      FROM unnest(${p.match}, ${p.record_count}) AS f (match, records)
      CROSS JOIN LATERAL (
        SELECT count(*) AS records, count(*) FILTER (WHERE is_locked) AS locked FROM live WHERE live.match = f.match) live),
    granted AS (SELECT match FROM standing JOIN proven ON call = match WHERE stands AND locked = 0),
    new_events AS (${insertEventsOfSql(p, p.event_match, 'call IN (SELECT match FROM granted)')})${also}
    SELECT match, stands, locked > 0 AS waits, match IN (SELECT call FROM proven) AS proven,
           ${isPresent} AS present, ${isKept} AS done FROM standing`
}

function keptSql(p: Parameters<typeof KEPT_ARRAYS>) {
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
  return { also, isKept }
}

const IS_PRESENT = 'match IN (SELECT call FROM present)'

/** A row of another noun that commits with a single match, in the same statement. */
export interface Beside {
  name: string
  types: ParameterTypes
  /** `INSERT … SELECT … WHERE` the condition. */
  insert(p: Parameters<ParameterTypes>, condition: string): string
}

type Kept = { also?: string; isKept?: string }

/** The statements, with the row or without one. */
export function createMatchStatements(beside?: Beside) {
  const name = (end: string) => `commit-matches${beside ? `-beside-${beside.name}` : ''}${end}`
  const besideSql = (p: object, { also = '', isKept = 'true' }: Kept = {}): Kept => {
    if (beside === undefined) return { also, isKept }
    const row = beside.insert(p as Parameters<ParameterTypes>, 'EXISTS (SELECT FROM granted)')
    const isThere = '(SELECT count(*) FROM beside) = (SELECT count(*) FROM granted)'
    return { also: `${also}, beside AS (${row} RETURNING true)`, isKept: `${isKept} AND ${isThere}` }
  }
  const ofBeside: ParameterTypes = beside?.types ?? {}
  const plain = { ...PRESUMED_ARRAYS, ...MATCH_ARRAYS, ...ofBeside } as typeof PLAIN
  const proofs = { ...PRESUMED_WITH_JTI_ARRAYS, ...MATCH_ARRAYS, ...ofBeside } as typeof WITH_PROOFS
  return {
    plain: buildStatement(name(''), plain, (p) => commitMatchesSql(p, provenSql(p), besideSql(p))),
    withKept: buildStatement(name('-and-keep'), { ...plain, ...KEPT_ARRAYS }, (p) =>
      commitMatchesSql(p, provenSql(p), besideSql(p, keptSql(p))),
    ),
    withProofs: buildStatement(name('-with-proofs'), proofs, (p) =>
      commitMatchesSql(p, provenWithJtiSql(p), { ...besideSql(p), isPresent: IS_PRESENT }),
    ),
    withBoth: buildStatement(name('-with-proofs-and-keep'), { ...proofs, ...KEPT_ARRAYS }, (p) =>
      commitMatchesSql(p, provenWithJtiSql(p), { ...besideSql(p, keptSql(p)), isPresent: IS_PRESENT }),
    ),
  }
}

const WITH_PROOFS = { ...PRESUMED_WITH_JTI_ARRAYS, ...MATCH_ARRAYS } as const
const PLAIN = { ...PRESUMED_ARRAYS, ...MATCH_ARRAYS } as const

export type MatchStatements = ReturnType<typeof createMatchStatements>
