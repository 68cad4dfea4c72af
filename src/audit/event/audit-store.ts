import { hash } from 'node:crypto'
import { byteaArray, integerArray, smallintArray, textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement, Transaction } from '../../database/database.ts'
import { DatabaseError } from '../../database/database-error.ts'
import type { Translation } from '../../database/dictionary.ts'
import { idArray } from '../../database/id-array.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import { Problem } from '../../values/problem.ts'
import type { AuditEvent, BookEntry, MadeEvent } from './audit-event.ts'
import { introduce } from './claim-store.ts'
import { enterWithoutKeys } from './event-book.ts'
import { needsNoMac } from './vouch.ts'

/** The columns of events that are written, in the order of their arrays. */
const COLUMNS = {
  id: 'uuid',
  token: 'uuid',
  caller: 'integer',
  type: 'smallint',
  purpose: 'smallint',
  site: 'smallint',
  mac: 'bytea',
  body: 'text',
} as const

/** How many arrays hold the columns of events. */
export const EVENT_COLUMNS = Object.keys(COLUMNS).length

/** The names of the columns. */
export const EVENT_COLUMN_NAMES = Object.keys(COLUMNS).join(', ')

/** What turns the names of events into numbers. */
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

/** The column arrays of events, in the order that `unnest` takes them. */
function eventColumns(events: readonly MadeEvent[], { type, purpose, caller, site }: EventNumbers): unknown[] {
  return [
    idArray(events.map((event) => event.id)),
    idArray(events.map((event) => event.token)),
    integerArray(events.map((event) => caller(event.caller))),
    smallintArray(events.map((event) => type(event.type))),
    smallintArray(events.map((event) => purpose(event.purpose))),
    smallintArray(events.map((event) => site(event.site))),
    byteaArray(events.map((event) => event.mac)),
    textArray(events.map((event) => event.body)),
  ]
}

/** The arrays of no events. */
const NO_EVENTS = eventColumns([], {} as EventNumbers)

/** Which of them holds the bodies. */
const BODY_COLUMN = EVENT_COLUMNS - 1

/** The arrays as parameters from `$first` on, as `unnest` takes them. */
export function eventArraysSql(first: number): string {
  return Object.values(COLUMNS)
    .map((type, offset) => `$${first + offset}::${type}[]`)
    .join(', ')
}

/** `INSERT` of events from arrays that start at parameter `$first`. */
export function insertEventsSql(first: number): string {
  return `INSERT INTO audit_events (${EVENT_COLUMN_NAMES}) SELECT * FROM unnest(${eventArraysSql(first)})`
}

const INSERT_EVENTS: Statement = { name: 'insert-audit-events', text: insertEventsSql(1) }

/**
 * The places of events that are not stored as they were made, from 1. They are looked up one by one, along the primary key; every
 * column is compared here, the long one by its SHA-256, so that no body travels a second time.
 */
const FIND_DIFFERING: Statement = {
  name: 'find-differing-audit-events',
  text: `SELECT n.place::integer AS place
         FROM unnest(${opaqueArray(1, 'uuid')}, $2::uuid[], $3::integer[], $4::smallint[], $5::smallint[], $6::smallint[], $7::bytea[], $8::bytea[])
           WITH ORDINALITY AS n (id, token, caller, type, purpose, site, mac, digest, place)
         WHERE (SELECT sha256(convert_to(e.body, 'UTF8')) = n.digest AND e.mac IS NOT DISTINCT FROM n.mac AND e.type = n.type
                   AND e.purpose IS NOT DISTINCT FROM n.purpose AND e.caller IS NOT DISTINCT FROM n.caller
                   AND e.token IS NOT DISTINCT FROM n.token AND e.site IS NOT DISTINCT FROM n.site
                FROM audit_events e WHERE e.id = n.id) IS NOT TRUE`,
}

/** The places, from 0, of the events that are not stored as they were made. */
async function findDiffering(db: Queryable, columns: readonly unknown[], { events }: BookEntry): Promise<number[]> {
  const digests = byteaArray(events.map(({ body }) => hash('sha256', body, 'buffer')))
  const rows = await db.query<{ place: number }>(FIND_DIFFERING, columns.with(BODY_COLUMN, digests))
  return rows.map(({ place }) => place - 1)
}

/**
 * Writes events in a statement that may do more, and then checks whether they are stored as they were made. The answer
 * of the statement says nothing about triggers that fire after it, also at the commit, so the check is another
 * statement after the commit. In a transaction there is a check before it too, whose failure rolls everything back.
 *
 * @param write runs the statement with the columns of the events
 * @param isWritten whether the statement wrote the event at that place, as its answer says; default: all of them
 * @throws {Problem} audit-unavailable, and then nothing may be released; sealed
 */
export async function writeEvents<T>(
  db: Queryable | Transaction,
  events: readonly AuditEvent[],
  write: (columns: unknown[]) => Promise<T>,
  isWritten?: (answer: T, place: number) => boolean,
): Promise<T> {
  if (events.length === 0) return write(NO_EVENTS)
  const { book } = events[0]!
  if (book === undefined) throw new Error('an event is written by the process that numbers it')
  const numbers = await numbersFor(db, events)
  const enter = (entry: BookEntry) => writeEntry(db, entry, eventColumns(entry.events, numbers), write, isWritten)
  if (book.isSealed && events.every(needsNoMac)) return enter(enterWithoutKeys(events))
  if (!book.isIntroduced) await introduce(db, book)
  return enter(book.enter(events))
}

async function writeEntry<T>(
  db: Queryable | Transaction,
  entry: BookEntry,
  columns: unknown[],
  write: (columns: unknown[]) => Promise<T>,
  isWritten: (answer: T, place: number) => boolean = () => true,
): Promise<T> {
  const isTransaction = 'whenOver' in db
  let absent: number[] = []
  const confirm = (on: Queryable) => requireStored(on, columns, entry, absent)
  if (isTransaction) db.whenOver((outcome, after) => (outcome === 'committed' ? confirm(after) : entry.skip()))
  let answer: T
  try {
    answer = await write(columns)
  } catch (error) {
    if (!isTransaction) entry.skip()
    throw isOfSchema(error) ? new Problem('audit-unavailable', { cause: error }) : error
  }
  absent = [...entry.events.keys()].filter((place) => !isWritten(answer, place))
  await (isTransaction ? requireStoredSoFar(db, columns, entry, absent) : confirm(db))
  return answer
}

/**
 * SQLSTATE classes 0A and 42: PostgreSQL refuses a statement that it once took, for a rule, a trigger or a function that was
 * not there before.
 */
function isOfSchema(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^(0A|42)/.test(error.sqlState)
}

/** @throws {Problem} audit-unavailable */
async function requireStored(
  db: Queryable,
  columns: readonly unknown[],
  entry: BookEntry,
  absent: readonly number[],
): Promise<void> {
  if (absent.length === entry.events.length) {
    entry.close([], absent)
    return
  }
  let found: number[]
  try {
    found = await findDiffering(db, columns, entry)
  } catch (error) {
    // They may be stored. Nothing leaves under them.
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
  columns: readonly unknown[],
  entry: BookEntry,
  absent: readonly number[],
): Promise<void> {
  const differing = (await findDiffering(db, columns, entry)).filter((place) => !absent.includes(place))
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
  if (events.length > 0) await writeEvents(db, events, (columns) => db.query(INSERT_EVENTS, columns))
}
