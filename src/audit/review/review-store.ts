import { byteaArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { eventIdAt } from '../event-id.ts'
import { IS_WAITING, isAuthenticSql } from '../event-row-store.ts'
import type { Acknowledgement, EventGroup, NewPurpose, RefusalHour, RevealHour } from './review-rules.ts'

/** Figures over months of events, for a report that nobody waits for. */
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

/** The authentic events under these conditions. What is not looked at by itself first need not be JSON. */
const authentic = (conditions: string, waiting: string) =>
  `(SELECT e.* FROM audit_events e WHERE ${conditions} AND ${isAuthenticSql(waiting)} OFFSET 0) AS e`

const boundsOf = ({ since, until, waiting }: Reviewed) => [eventIdAt(since), eventIdAt(until), byteaArray(waiting)]

const named = (expression: string, when: string) =>
  `coalesce((array_agg(DISTINCT ${expression}) FILTER (WHERE ${when}))[1:10], '{}')`
/** Refusals that were counted together name several; the first of them stands for all. */
const SOURCE = "coalesce(body::json ->> 'source', body::json -> 'sources' ->> 0)"
const SOURCES = `${named(SOURCE, `${SOURCE} IS NOT NULL`)} AS sources`
const CLAIMED = named("body::json ->> 'subject'", "caller IS NULL AND body::json ->> 'subject' IS NOT NULL")

/** What every group of events tells of itself. */
const groupOf = (count: string) => `${count} AS count, min(occurred_at) AS first, max(occurred_at) AS last,
               (array_agg(id ORDER BY id))[1:10] AS events, ${SOURCES}`
const GROUP = groupOf('count(*)::float8')

/**
 * What a group of rows tells that are not believed, between two times: a time that somebody has written may be of no year, an
 * id somebody's text, and a body no JSON.
 */
const groupOfRows = (earliest: string, latest: string) => {
  const at = `greatest(${earliest}, least(${latest}, occurred_at))`
  return `count(*)::float8 AS count, min(${at}) AS first, max(${at}) AS last, '{}'::text[] AS sources,
          coalesce((array_agg(id ORDER BY id) FILTER (WHERE id ~ '^evt_[0-9a-z]{1,40}$'))[1:10], '{}') AS events`
}

const SELECT_REVEAL_HOURS: Statement = {
  name: 'review-reveal-hours',
  text: `WITH hours AS (
           SELECT caller, min(body::json -> 'caller' ->> 'kind') AS kind, id >= $2 AS is_recent,
                  date_trunc('hour', occurred_at AT TIME ZONE $4) AS clock,
                  count(DISTINCT token)::float8 AS records, ${GROUP}
           FROM ${authentic("type = 'record.reveal' AND id >= $1 AND id < $3", '$5')} GROUP BY caller, is_recent, clock),
         usual AS (
           SELECT caller, percentile_cont(0.5) WITHIN GROUP (ORDER BY records) AS usual
           FROM hours WHERE NOT is_recent GROUP BY caller)
         SELECT caller, kind, records, count, first, last, events, sources, coalesce(usual, 0) AS usual,
                extract(hour FROM clock)::float8 AS hour, extract(isodow FROM clock)::float8 AS weekday
         FROM hours LEFT JOIN usual USING (caller) WHERE is_recent ORDER BY caller, clock`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** What was revealed, by caller and hour of the clock in that time zone, beside what was usual since `usualSince`. */
export function selectRevealHours(
  db: Queryable,
  { since, until, waiting }: Reviewed,
  { usualSince, timeZone }: { usualSince: Date; timeZone: string },
): Promise<RevealHour[]> {
  return db.query(SELECT_REVEAL_HOURS, [
    eventIdAt(usualSince),
    eventIdAt(since),
    eventIdAt(until),
    timeZone,
    byteaArray(waiting),
  ])
}

const REVEALED_BEFORE = `e.caller = recent.caller AND e.type = 'record.reveal' AND e.id >= $1 AND e.id < $2 AND ${isAuthenticSql('$4')}`
const SELECT_NEW_PURPOSES: Statement = {
  name: 'review-new-purposes',
  text: `WITH recent AS (
           SELECT caller, body::json ->> 'purpose' AS purpose, ${GROUP}
           FROM ${authentic("type = 'record.reveal' AND id >= $2 AND id < $3", '$4')} GROUP BY 1, 2)
         SELECT caller, purpose, count, first, last, events, sources,
                EXISTS (SELECT FROM audit_events e WHERE ${REVEALED_BEFORE}) AS "isKnownCaller"
         FROM recent
         WHERE NOT EXISTS (SELECT FROM audit_events e WHERE ${REVEALED_BEFORE}
                             AND strpos(e.body, '"purpose":"' || recent.purpose || '"') > 0)
         ORDER BY caller, purpose`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** Purposes that callers revealed for, and had not between `before` and then. */
export function selectNewPurposes(
  db: Queryable,
  { since, until, waiting }: Reviewed,
  before: Date,
): Promise<NewPurpose[]> {
  return db.query(SELECT_NEW_PURPOSES, [eventIdAt(before), eventIdAt(since), eventIdAt(until), byteaArray(waiting)])
}

/** An event may stand for many refusals of unknown callers, and says then how many. */
const REFUSALS = groupOf("sum(coalesce((body::json ->> 'count')::float8, 1))")
const SELECT_REFUSAL_HOURS: Statement = {
  name: 'review-refusal-hours',
  text: `SELECT caller, CASE WHEN caller IS NULL THEN body::json ->> 'route' END AS route, ${CLAIMED} AS claimed, ${REFUSALS}
         FROM ${authentic("type = 'request.refuse' AND id >= $1 AND id < $2", '$3')}
         WHERE body::json ->> 'outcome' = 'refused'
         GROUP BY 1, 2, date_trunc('hour', occurred_at AT TIME ZONE 'UTC') ORDER BY 1, 2`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** What was refused, by caller and hour; of those whom nobody knows by what they asked for. */
export function selectRefusalHours(db: Queryable, reviewed: Reviewed): Promise<RefusalHour[]> {
  return db.query(SELECT_REFUSAL_HOURS, boundsOf(reviewed))
}

const SELECT_UNREVIEWED: Statement = {
  name: 'review-unreviewed-break-glass',
  text: `SELECT caller, ${GROUP} FROM ${authentic("type = 'approval.break-glass' AND id >= $1 AND id < $2", '$3')}
         WHERE body::json ->> 'subject' NOT IN (SELECT body::json ->> 'subject'
                                                FROM ${authentic("type = 'approval.review' AND id >= $1", '$3')}
                                                WHERE body::json ->> 'subject' IS NOT NULL)
         GROUP BY caller ORDER BY caller`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** Releases that did not wait for a second person, and that none has looked at until now. */
export function selectUnreviewed(db: Queryable, reviewed: Reviewed): Promise<(EventGroup & { caller: string })[]> {
  return db.query(SELECT_UNREVIEWED, boundsOf(reviewed))
}

const SELECT_FORGED: Statement = {
  name: 'review-forged-events',
  text: `SELECT ${groupOfRows('$4', '$5')} FROM audit_events e
         WHERE id >= $1 AND id < $2 AND NOT (${isAuthenticSql('$3')}) AND ($6 OR NOT (${IS_WAITING})) HAVING count(*) > 0`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/**
 * Rows that the vault has not written, or not so.
 *
 * @param knowsWaiting whether what waits for its place could be authenticated; otherwise nothing is said of it
 */
export async function findForged(
  db: Queryable,
  reviewed: Reviewed,
  knowsWaiting: boolean,
): Promise<EventGroup | undefined> {
  const { since, until } = reviewed
  return (await db.query<EventGroup>(SELECT_FORGED, [...boundsOf(reviewed), since, until, knowsWaiting]))[0]
}

const SELECT_WAITING: Statement = {
  name: 'review-unsequenced-events',
  text: `SELECT ${groupOfRows("'epoch'", '$1')} FROM audit_events e
         WHERE position >= coalesce((SELECT next_position FROM audit_head), 0) AND occurred_at < $1
           AND NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event = e.id)
         HAVING count(*) > 0`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** Committed events from before that time that have no place in the log yet. */
export async function findWaiting(db: Queryable, before: Date): Promise<EventGroup | undefined> {
  return (await db.query<EventGroup>(SELECT_WAITING, [before]))[0]
}

const SELECT_GAPS: Statement = {
  name: 'review-log-gaps',
  text: `SELECT ${GROUP} FROM ${authentic("type = 'audit.gap' AND id >= $1 AND id < $2", '$3')} HAVING count(*) > 0`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** Times in which the log could not be written, as it says itself. */
export function selectGaps(db: Queryable, reviewed: Reviewed): Promise<EventGroup[]> {
  return db.query(SELECT_GAPS, boundsOf(reviewed))
}

const COUNT_EVENTS: Statement = {
  name: 'review-count-events',
  text: 'SELECT count(*)::float8 AS count FROM audit_events WHERE id >= $1 AND id < $2',
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** How many events a review is over. */
export async function countEvents(db: Queryable, { since, until }: ReviewTimes): Promise<number> {
  return (await db.query<{ count: number }>(COUNT_EVENTS, [eventIdAt(since), eventIdAt(until)]))[0]?.count ?? 0
}

const SELECT_ACKNOWLEDGEMENTS: Statement = {
  name: 'review-acknowledgements',
  text: `SELECT body::json ->> 'subject' AS id, caller AS by, body::json ->> 'at' AS at, body::json ->> 'note' AS note
         FROM ${authentic("type = 'audit.acknowledge' AND id >= $1", '$2')} ORDER BY e.id`,
  timeoutMs: REVIEW_TIMEOUT_MS,
}

/** What people have said of findings since then, by the id of the finding; the last word counts. */
export async function selectAcknowledgements(
  db: Queryable,
  { since, waiting }: Pick<Reviewed, 'since' | 'waiting'>,
): Promise<ReadonlyMap<string, Acknowledgement>> {
  const rows = await db.query<Acknowledgement & { id: string }>(SELECT_ACKNOWLEDGEMENTS, [
    eventIdAt(since),
    byteaArray(waiting),
  ])
  return new Map(rows.map(({ id, ...acknowledgement }) => [id, acknowledgement]))
}
