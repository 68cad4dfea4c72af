import { hash } from 'node:crypto'
import { byteaArray, integerArray, smallintArray, textArray } from '../../database/binary-array.ts'
import { buildStatement, type Parameters, type ParameterValues } from '../../database/build-statement.ts'
import type { Queryable, Transaction } from '../../database/database.ts'
import { DatabaseError } from '../../database/database-error.ts'
import type { Translation } from '../../database/dictionary.ts'
import { idArray } from '../../database/id-array.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import { Problem } from '../../values/problem.ts'
import type { AuditEvent, BookEntry, MadeEvent } from './audit-event.ts'
import { enterWithoutKeys } from './event-book.ts'
import { introduce } from './number-report-store.ts'
import { needsNoMac } from './vouch.ts'

/** The columns of events that are written. */
const COLUMNS = ['id', 'token', 'caller', 'type', 'purpose', 'site', 'mac', 'body'] as const

/** The arrays of events: parameters of every statement that writes some. */
export const EVENT_ARRAYS = {
  event_id: 'uuid[]',
  event_token: 'uuid[]',
  event_caller: 'integer[]',
  event_type: 'smallint[]',
  event_purpose: 'smallint[]',
  event_site: 'smallint[]',
  event_mac: 'bytea[]',
  event_body: 'text[]',
} as const satisfies Record<`event_${(typeof COLUMNS)[number]}`, string>

export type EventArrays = ParameterValues<typeof EVENT_ARRAYS>

/** The names of the columns. */
const EVENT_COLUMN_NAMES = COLUMNS.join(', ')

/** The statements that turn the names of events into numbers. */
type EventNumbers = Record<'type' | 'purpose' | 'caller' | 'site', Translation<string, number>>

async function numbersFor(
  db: Queryable,
  events: readonly Pick<AuditEvent, keyof EventNumbers>[],
): Promise<EventNumbers> {
  const of = (sort: keyof EventNumbers) =>
    db.dictionary.ids(
      sort,
      events.map((event) => event[sort]),
    )
  return { type: await of('type'), purpose: await of('purpose'), caller: await of('caller'), site: await of('site') }
}

/** The values of `EVENT_ARRAYS` for these events. */
function eventArrays(events: readonly MadeEvent[], { type, purpose, caller, site }: EventNumbers): EventArrays {
  return {
    event_id: idArray(events.map((event) => event.id)),
    event_token: idArray(events.map((event) => event.token)),
    event_caller: integerArray(events.map((event) => caller(event.caller))),
    event_type: smallintArray(events.map((event) => type(event.type))),
    event_purpose: smallintArray(events.map((event) => purpose(event.purpose))),
    event_site: smallintArray(events.map((event) => site(event.site))),
    event_mac: byteaArray(events.map((event) => event.mac)),
    event_body: textArray(events.map((event) => event.body)),
  }
}

/** The arrays of no events. */
const NO_EVENTS = eventArrays([], {} as EventNumbers)

/** The arrays as `unnest` takes them, in the order of the columns. */
function eventArraysSql(p: Parameters<typeof EVENT_ARRAYS>): string {
  return COLUMNS.map((column) => p[`event_${column}`]).join(', ')
}

/** `INSERT` of events from their arrays. */
export function insertEventsSql(p: Parameters<typeof EVENT_ARRAYS>): string {
  return `INSERT INTO audit_events (${EVENT_COLUMN_NAMES}) SELECT * FROM unnest(${eventArraysSql(p)})`
}

/** The same of those events of which the condition is true; `call` is in it the element of a further array. */
export function insertEventsOfSql(p: Parameters<typeof EVENT_ARRAYS>, calls: string, condition: string): string {
  return `INSERT INTO audit_events (${EVENT_COLUMN_NAMES}) SELECT ${EVENT_COLUMN_NAMES}
          FROM unnest(${eventArraysSql(p)}, ${calls}) AS n (${EVENT_COLUMN_NAMES}, call) WHERE ${condition}`
}

const INSERT_EVENTS = buildStatement('insert-audit-events', EVENT_ARRAYS, insertEventsSql)

/**
 * The places of events that are not stored as they were made, from 1. They are looked up one by one, along the primary key; every
 * column is compared here, the long one by its SHA-256, so that no body travels a second time.
 */
export const FIND_DIFFERING = buildStatement(
  'find-differing-audit-events',
  // The bodies come as digests.
  { ...EVENT_ARRAYS, event_body: 'bytea[]' },
  (p) => `SELECT n.place::integer AS place
         FROM unnest(${eventArraysSql({ ...p, event_id: opaqueArray(p.event_id) })})
           WITH ORDINALITY AS n (id, token, caller, type, purpose, site, mac, digest, place)
         WHERE (SELECT sha256(convert_to(e.body, 'UTF8')) = n.digest AND e.mac IS NOT DISTINCT FROM n.mac AND e.type = n.type
                   AND e.purpose IS NOT DISTINCT FROM n.purpose AND e.caller IS NOT DISTINCT FROM n.caller
                   AND e.token IS NOT DISTINCT FROM n.token AND e.site IS NOT DISTINCT FROM n.site
                FROM audit_events e WHERE e.id = n.id) IS NOT TRUE`,
)

/** The values of `FIND_DIFFERING`. */
function differingValues(arrays: EventArrays, { events }: BookEntry): unknown[] {
  const digests = byteaArray(events.map(({ body }) => hash('sha256', body, 'buffer')))
  return FIND_DIFFERING.valuesOf({ ...arrays, event_body: digests })
}

interface PlaceRow {
  place: number
}

/** The places, from 0, of the events that are not stored as they were made. */
async function findDiffering(db: Queryable, arrays: EventArrays, entry: BookEntry): Promise<number[]> {
  return placesIn(await db.query<PlaceRow>(FIND_DIFFERING, differingValues(arrays, entry)))
}

const placesIn = (rows: readonly PlaceRow[]) => rows.map(({ place }) => place - 1)

/**
 * Writes events in a statement that may do more, and then checks whether they are stored as they were made. The answer
 * of the statement says nothing about triggers that fire after it, also at the commit, so the check is another
 * statement after the commit. In a transaction there is a check before it too, whose failure rolls everything back.
 *
 * @param write runs the statement with the arrays of the events, and no other
 * @param isWritten whether the statement wrote the event at that place, as its answer says; default: all of them
 * @throws {Problem} audit-unavailable, and then nothing may be released; sealed
 */
export async function writeEvents<T>(
  db: Queryable | Transaction,
  events: readonly AuditEvent[],
  write: (arrays: EventArrays, on: Queryable) => Promise<T>,
  isWritten?: (answer: T, place: number) => boolean,
): Promise<T> {
  if (events.length === 0) return write(NO_EVENTS, db)
  const { book } = events[0]!
  if (book === undefined) throw new Error('an event is written by the process that numbers it')
  const numbers = await numbersFor(db, events)
  const enter = (entry: BookEntry) => writeEntry(db, entry, eventArrays(entry.events, numbers), write, isWritten)
  if (book.isSealed && events.every(needsNoMac)) return enter(enterWithoutKeys(events))
  if (!book.isIntroduced) await introduce(db, book)
  return enter(book.enter(events))
}

async function writeEntry<T>(
  db: Queryable | Transaction,
  entry: BookEntry,
  arrays: EventArrays,
  write: (arrays: EventArrays, on: Queryable) => Promise<T>,
  isWritten: (answer: T, place: number) => boolean = () => true,
): Promise<T> {
  if ('whenOver' in db) return writeEntryIn(db, entry, arrays, write, isWritten)
  // Where the check can be sent with the statement, no second round trip is waited for.
  const check = db.behind?.<PlaceRow>(FIND_DIFFERING, differingValues(arrays, entry))
  const answer = await attemptWrite(() => write(arrays, check ?? db)).catch((error: unknown) => {
    entry.skip()
    throw error
  })
  const find = async () => (check ? placesIn(await check.rows()) : findDiffering(db, arrays, entry))
  await requireStored(find, entry, absentPlaces(entry, answer, isWritten))
  return answer
}

/** The same in a transaction: what is not stored is rolled back, and what is committed is looked at again. */
async function writeEntryIn<T>(
  tx: Transaction,
  entry: BookEntry,
  arrays: EventArrays,
  write: (arrays: EventArrays, on: Queryable) => Promise<T>,
  isWritten: (answer: T, place: number) => boolean,
): Promise<T> {
  let absent: number[] = []
  tx.whenOver((outcome, after) =>
    outcome === 'committed' ? requireStored(() => findDiffering(after, arrays, entry), entry, absent) : entry.skip(),
  )
  const answer = await attemptWrite(() => write(arrays, tx))
  absent = absentPlaces(entry, answer, isWritten)
  await requireStoredSoFar(tx, arrays, entry, absent)
  return answer
}

function absentPlaces<T>(entry: BookEntry, answer: T, isWritten: (answer: T, place: number) => boolean): number[] {
  return [...entry.events.keys()].filter((place) => !isWritten(answer, place))
}

async function attemptWrite<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    throw isOfSchema(error) ? new Problem('audit-unavailable', { cause: error }) : error
  }
}

/**
 * SQLSTATE classes 0A and 42: PostgreSQL refuses a statement that it once took, for a rule, a trigger or a function that was
 * not there before.
 */
function isOfSchema(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^(0A|42)/.test(error.sqlState)
}

/** @param find the places of events that are not stored as they were made @throws {Problem} audit-unavailable */
async function requireStored(
  find: () => Promise<readonly number[]>,
  entry: BookEntry,
  absent: readonly number[],
): Promise<void> {
  if (absent.length === entry.events.length) {
    entry.close([], absent)
    return
  }
  let found: readonly number[]
  try {
    found = await find()
  } catch (error) {
    // The events may be stored. Nothing leaves under them.
    entry.skip()
    throw error
  }
  const differing = found.filter((place) => !absent.includes(place))
  entry.close(differing, absent)
  if (differing.length > 0) throw new Problem('audit-unavailable')
}

/** Before the commit: rolls back what is not stored as it was made. @throws {Problem} audit-unavailable */
async function requireStoredSoFar(
  db: Queryable,
  arrays: EventArrays,
  entry: BookEntry,
  absent: readonly number[],
): Promise<void> {
  const differing = (await findDiffering(db, arrays, entry)).filter((place) => !absent.includes(place))
  if (differing.length === 0) return
  entry.tell(differing)
  throw new Problem('audit-unavailable')
}

/**
 * Writes events; in a transaction they commit with what they describe. Events of commands without keys have no MAC: see
 * `vouch.ts`.
 *
 * @throws {Problem} audit-unavailable, and then nothing may be released; sealed
 */
export async function insertEvents(db: Queryable | Transaction, events: readonly AuditEvent[]): Promise<void> {
  if (events.length === 0) return
  await writeEvents(db, events, (arrays, on) => on.query(INSERT_EVENTS, INSERT_EVENTS.valuesOf(arrays)))
}
