import { byteaArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { eventIdOf, eventUuidAt } from '../event/event-id.ts'
import { IS_WAITING, isAuthenticSql, numberSql } from '../event/event-row-store.ts'
import type { AuditEventType } from '../event/event-types.ts'
import { IS_UNPROVEN, unprovenSql } from '../event/unproven-events.ts'
import type { Acknowledgement, EventGroup, NewPurpose, RefusalHour, RevealHour } from './review-rules.ts'

/** Figures over months of events, for a report. No request waits for them. */
const REVIEW_TIMEOUT_MS = 10 * 60 * 1000

/** The times that a review is about, as bounds of ids. */
export interface ReviewTimes {
  since: Date
  until: Date
}

/** What a review looks at: the times, and the hashes of the events that wait for their place and were authenticated. */
export interface Reviewed extends ReviewTimes {
  waiting: readonly Buffer[]
}

const oneOf = (types: readonly AuditEventType[]) =>
  `IN (${types.map((type) => numberSql('type', `'${type}'`)).join(', ')})`

/** What has left, to the caller or through it to a partner. */
const REVEALS = ['record.reveal', 'record.release'] as const

/** The authentic events under these conditions. Without that check a body need not be JSON. */
const authentic = (types: AuditEventType | readonly AuditEventType[], conditions: string, waiting: string) =>
  `(SELECT e.*, audit_event_time(e.id) AS at FROM audit_events e WHERE type ${oneOf([types].flat())} AND ${conditions} AND ${isAuthenticSql(waiting)} OFFSET 0) AS e`

const boundsOf = ({ since, until, waiting }: Reviewed) => [eventUuidAt(since), eventUuidAt(until), byteaArray(waiting)]

const named = (expression: string, when: string) =>
  `coalesce((array_agg(DISTINCT ${expression}) FILTER (WHERE ${when}))[1:10], '{}')`
/** Refusals that were counted together have several; the first represents them all. */
const SOURCE = "coalesce(body::json ->> 'source', body::json -> 'sources' ->> 0)"
const SOURCES = `${named(SOURCE, `${SOURCE} IS NOT NULL`)} AS sources`
const CLAIMED = named("body::json ->> 'subject'", "caller IS NULL AND body::json ->> 'subject' IS NOT NULL")

/** The members that every group of events has. */
const groupOf = (count: string) => `${count} AS count, min(at) AS first, max(at) AS last,
               (array_agg(id ORDER BY id))[1:10] AS events, ${SOURCES}`
const GROUP = groupOf('count(*)::float8')

/** The members of a group of rows that are not the vault's: a body may be no JSON. */
const GROUP_OF_ROWS = `count(*)::float8 AS count, min(audit_event_time(id)) AS first, max(audit_event_time(id)) AS last,
          '{}'::text[] AS sources, (array_agg(id ORDER BY id))[1:10] AS events`

/** Runs a statement that answers with groups. */
async function queryGroups<Group extends Pick<EventGroup, 'events'>>(
  db: Queryable,
  statement: Statement,
  values: readonly unknown[],
): Promise<Group[]> {
  const rows = await db.query<Group>(statement, values)
  return rows.map((row) => ({ ...row, events: row.events.map(eventIdOf) }))
}

const SELECT_REVEAL_HOURS: Statement = {
  name: 'review-reveal-hours',
  text: `WITH hours AS (
           SELECT caller, min(body::json -> 'caller' ->> 'kind') AS kind, id >= $2 AS is_recent,
                  date_trunc('hour', at AT TIME ZONE $4) AS clock,
                  count(DISTINCT token)::float8 AS records, ${GROUP}
           FROM ${authentic(REVEALS, 'id >= $1 AND id < $3', '$5')} GROUP BY caller, is_recent, clock),
         usual AS (
           SELECT caller, percentile_cont(0.5) WITHIN GROUP (ORDER BY records) AS usual
           FROM hours WHERE NOT is_recent GROUP BY caller)
         SELECT name_of('caller', caller) AS caller, kind, records, count, first, last, events, sources, coalesce(usual, 0) AS usual,
                extract(hour FROM clock)::float8 AS hour, extract(isodow FROM clock)::float8 AS weekday
         FROM hours LEFT JOIN usual USING (caller) WHERE is_recent ORDER BY 1, clock`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** What was revealed, by caller and hour of the clock in that time zone, beside what was usual since `usualSince`. */
export function selectRevealHours(
  db: Queryable,
  { since, until, waiting }: Reviewed,
  { usualSince, timeZone }: { usualSince: Date; timeZone: string },
): Promise<RevealHour[]> {
  return queryGroups(db, SELECT_REVEAL_HOURS, [
    eventUuidAt(usualSince),
    eventUuidAt(since),
    eventUuidAt(until),
    timeZone,
    byteaArray(waiting),
  ])
}

const REVEALED_BEFORE = `e.caller = recent.caller AND e.type ${oneOf(REVEALS)} AND e.id >= $1 AND e.id < $2 AND ${isAuthenticSql('$4')}`
const SELECT_NEW_PURPOSES: Statement = {
  name: 'review-new-purposes',
  text: `WITH recent AS (
           SELECT caller, purpose, ${GROUP}
           FROM ${authentic(REVEALS, 'id >= $2 AND id < $3', '$4')} GROUP BY 1, 2)
         SELECT name_of('caller', caller) AS caller, name_of('purpose', purpose) AS purpose, count, first, last, events, sources,
                EXISTS (SELECT FROM audit_events e WHERE ${REVEALED_BEFORE}) AS "isKnownCaller"
         FROM recent
         WHERE NOT EXISTS (SELECT FROM audit_events e WHERE ${REVEALED_BEFORE}
                             AND e.purpose = recent.purpose)
         ORDER BY 1, 2`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** Purposes that callers revealed for, and had not between `before` and then. */
export function selectNewPurposes(
  db: Queryable,
  { since, until, waiting }: Reviewed,
  before: Date,
): Promise<NewPurpose[]> {
  const times = [before, since, until].map(eventUuidAt)
  return queryGroups(db, SELECT_NEW_PURPOSES, [...times, byteaArray(waiting)])
}

/** An event may represent many refusals of unknown callers, and then says how many. */
const REFUSALS = groupOf("sum(coalesce((body::json ->> 'count')::float8, 1))")
const SELECT_REFUSAL_HOURS: Statement = {
  name: 'review-refusal-hours',
  text: `SELECT name_of('caller', caller) AS caller, CASE WHEN caller IS NULL THEN body::json ->> 'route' END AS route, ${CLAIMED} AS claimed, ${REFUSALS}
         FROM ${authentic('request.refuse', 'id >= $1 AND id < $2', '$3')}
         WHERE body::json ->> 'outcome' = 'refused'
         GROUP BY caller, 2, date_trunc('hour', at AT TIME ZONE 'UTC') ORDER BY 1, 2`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** Refusals by caller and hour; those of unknown callers by what they asked for. */
export function selectRefusalHours(db: Queryable, reviewed: Reviewed): Promise<RefusalHour[]> {
  return queryGroups(db, SELECT_REFUSAL_HOURS, boundsOf(reviewed))
}

const SELECT_UNREVIEWED: Statement = {
  name: 'review-unreviewed-break-glass',
  text: `SELECT name_of('caller', caller) AS caller, ${GROUP} FROM ${authentic('approval.break-glass', 'id >= $1 AND id < $2', '$3')}
         WHERE body::json ->> 'subject' NOT IN (SELECT body::json ->> 'subject'
                                                FROM ${authentic('approval.review', 'id >= $1', '$3')}
                                                WHERE body::json ->> 'subject' IS NOT NULL)
         GROUP BY caller ORDER BY 1`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** Releases that did not wait for a second person, and that none has looked at until now. */
export function selectUnreviewed(db: Queryable, reviewed: Reviewed): Promise<(EventGroup & { caller: string })[]> {
  return queryGroups(db, SELECT_UNREVIEWED, boundsOf(reviewed))
}

const SELECT_FORGED: Statement = {
  name: 'review-forged-events',
  text: `WITH ${unprovenSql(isAuthenticSql('$3'))}
         SELECT ${GROUP_OF_ROWS} FROM audit_events e
         WHERE id >= $1 AND id < $2 AND NOT (${isAuthenticSql('$3')}) AND ($4 OR NOT (${IS_WAITING}))
           AND NOT ${IS_UNPROVEN}
         HAVING count(*) > 0`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/**
 * Rows that the vault has not written, or that were changed. An event of a command without keys, which an
 * `audit.unproven` event of the log names, is not one of them.
 *
 * @param knowsWaiting whether what waits for its place could be authenticated; otherwise it is left out
 */
export async function findForged(
  db: Queryable,
  reviewed: Reviewed,
  knowsWaiting: boolean,
): Promise<EventGroup | undefined> {
  return (await queryGroups<EventGroup>(db, SELECT_FORGED, [...boundsOf(reviewed), knowsWaiting]))[0]
}

const SELECT_WAITING: Statement = {
  name: 'review-unsequenced-events',
  text: `SELECT ${GROUP_OF_ROWS} FROM audit_events e
         WHERE position >= coalesce((SELECT next_position FROM audit_head), 0) AND id < $1
           AND NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event = e.id)
         HAVING count(*) > 0`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** Committed events from before that time that have no place in the log yet. */
export async function findWaiting(db: Queryable, before: Date): Promise<EventGroup | undefined> {
  return (await queryGroups<EventGroup>(db, SELECT_WAITING, [eventUuidAt(before)]))[0]
}

const SELECT_GAPS: Statement = {
  name: 'review-log-gaps',
  text: `SELECT ${GROUP} FROM ${authentic('audit.gap', 'id >= $1 AND id < $2', '$3')} HAVING count(*) > 0`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** Times in which the log could not be written, as it says itself. */
export function selectGaps(db: Queryable, reviewed: Reviewed): Promise<EventGroup[]> {
  return queryGroups(db, SELECT_GAPS, boundsOf(reviewed))
}

const COUNT_EVENTS: Statement = {
  name: 'review-count-events',
  text: 'SELECT count(*)::float8 AS count FROM audit_events WHERE id >= $1 AND id < $2',
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** How many events a review is over. */
export async function countEvents(db: Queryable, { since, until }: ReviewTimes): Promise<number> {
  return (await db.query<{ count: number }>(COUNT_EVENTS, [eventUuidAt(since), eventUuidAt(until)]))[0]?.count ?? 0
}

const SELECT_ACKNOWLEDGEMENTS: Statement = {
  name: 'review-acknowledgements',
  text: `SELECT body::json ->> 'subject' AS id, name_of('caller', caller) AS by, body::json ->> 'at' AS at, body::json ->> 'note' AS note
         FROM ${authentic('audit.acknowledge', 'id >= $1', '$2')} ORDER BY e.id`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** The acknowledgements of findings since then, by the id of the finding. The last one counts. */
export async function selectAcknowledgements(
  db: Queryable,
  { since, waiting }: Pick<Reviewed, 'since' | 'waiting'>,
): Promise<ReadonlyMap<string, Acknowledgement>> {
  const rows = await db.query<Acknowledgement & { id: string }>(SELECT_ACKNOWLEDGEMENTS, [
    eventUuidAt(since),
    byteaArray(waiting),
  ])
  return new Map(rows.map(({ id, ...acknowledgement }) => [id, acknowledgement]))
}
