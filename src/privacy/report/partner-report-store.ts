import { eventUuidAt } from '../../audit/event/event-id.ts'
import { isAuthenticSql, numberSql } from '../../audit/event/event-row-store.ts'
import { byteaArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'

/** What a partner was given of one kind for one purpose. */
export interface PartnerReleases {
  partner: string
  purpose: string | null
  kind: string
  fields: readonly string[]
  /** How many releases, and of how many different records. */
  times: number
  records: number
  first: Date
  last: Date
}

/** The events by which values leave to a partner. */
const TYPES = ['record.reveal', 'record.release', 'record.forward']
  .map((type) => numberSql('type', `'${type}'`))
  .join(', ')

/** Over months of events, for a report. No request waits for it. */
const SELECT: Statement = {
  name: 'select-partner-releases',
  text: `WITH given AS MATERIALIZED (
           SELECT e.id, e.token, e.purpose, audit_event_time(e.id) AS at, e.body::json AS said FROM (
             SELECT * FROM audit_events e
             WHERE type IN (${TYPES}) AND id >= $1 AND id < $2 AND strpos(body, '"partner":"') > 0 AND ${isAuthenticSql('$3')} OFFSET 0) AS e)
         SELECT said ->> 'partner' AS partner, name_of('purpose', purpose) AS purpose, said ->> 'kind' AS kind,
                coalesce(array_agg(DISTINCT field ORDER BY field) FILTER (WHERE field IS NOT NULL), '{}') AS fields,
                count(DISTINCT id)::float8 AS times, count(DISTINCT token)::float8 AS records, min(at) AS first, max(at) AS last
         FROM given LEFT JOIN LATERAL json_array_elements_text(said -> 'fields') AS f (field) ON true
         WHERE said ->> 'outcome' = 'success' AND said ->> 'partner' IS NOT NULL AND ($4::text IS NULL OR said ->> 'partner' = $4)
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
  timeoutMs: 10 * 60 * 1000,
}

/** Sorts after every id. */
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** @param waiting the hashes of the authentic events that wait for their leaves */
export function selectPartnerReleases(
  db: Queryable,
  sought: { partner?: string | undefined; since?: Date | undefined; until?: Date | undefined },
  waiting: readonly Buffer[],
): Promise<PartnerReleases[]> {
  const { partner = null, since = new Date(0), until } = sought
  const before = until === undefined ? LAST : eventUuidAt(until)
  return db.query(SELECT, [eventUuidAt(since), before, byteaArray(waiting), partner])
}
