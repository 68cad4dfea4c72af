import { eventUuidAt } from '../../audit/event/event-id.ts'
import {
  EVENT_ROW,
  type EventRow,
  IS_WAITING,
  isIntactSql,
  LEAF_HASH,
  queryEvents,
} from '../../audit/event/event-row-store.ts'
import { IS_UNPROVEN, unprovenSql } from '../../audit/event/unproven-events.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { CENSUS_TIMEOUT_MS } from '../../keys/sealing/sealed-table.ts'

/** A row of the log that must be looked at, before it is believed. */
export interface LoggedRow extends EventRow {
  /** Whether it says that a record was stored, and there is none. */
  is_missed: boolean
  /** Whether the log names it as an event of a command without keys, or has not come to it yet. */
  is_left_out: boolean
}

/** A page of the log: how many events it has, and which is the last, as its column of ids has it. */
export interface LoggedPage {
  count: number
  last: string | null
  /**
   * Rows that wait for their place in the log, rows that differ from what was hashed, and rows that say that a record
   * was stored which is not there.
   */
  rows: readonly LoggedRow[]
}

const SELECT_END_OF_PAGE: Statement = {
  name: 'select-end-of-logged-page',
  text: `SELECT count(*)::integer AS count, (array_agg(id ORDER BY id DESC))[1] AS last
         FROM (SELECT id FROM audit_events WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3) AS page`,
  timeoutMs: CENSUS_TIMEOUT_MS,
}
/** By the body, not by its columns: in the canonical form the quotation marks inside a text are escaped. */
const IS_MISSED = `strpos(e.body, '"type":"record.tokenize"') > 0 AND strpos(e.body, '"outcome":"success"') > 0
                   AND NOT EXISTS (SELECT FROM records r WHERE r.token = id_uuid(substring(e.body FROM '"token":"([^"]*)"')))`
/** What names it may wait for its own leaf. This walk looks at that as well. */
const IS_LEFT_OUT = `${IS_WAITING}
                     AND (e.position >= coalesce((SELECT next_position FROM audit_head), 0) OR ${IS_UNPROVEN})`
const SELECT_LOGGED_ROWS: Statement = {
  name: 'select-logged-rows-to-check',
  text: `WITH ${unprovenSql(`(${isIntactSql(LEAF_HASH)} OR ${IS_WAITING})`)}
         SELECT * FROM (
           SELECT ${EVENT_ROW}, ${IS_MISSED} AS is_missed, ${IS_LEFT_OUT} AS is_left_out,
             coalesce(${isIntactSql(LEAF_HASH)}, false) AS is_intact
           FROM audit_events e WHERE e.id > $1 AND e.id <= $2) AS page
         WHERE is_missed OR NOT is_intact ORDER BY id`,
  timeoutMs: CENSUS_TIMEOUT_MS,
}

/** The rows of the log to look at, from one event to another. */
export async function selectLoggedPage(
  db: Queryable,
  [after = eventUuidAt(new Date(0))]: readonly unknown[],
  until: Date,
  limit: number,
): Promise<LoggedPage> {
  const [page] = await db.query<{ count: number; last: string | null }>(SELECT_END_OF_PAGE, [
    after,
    eventUuidAt(until),
    limit,
  ])
  const { count, last } = page!
  return { count, last, rows: last === null ? [] : await queryEvents<LoggedRow>(db, SELECT_LOGGED_ROWS, [after, last]) }
}
