import { setTimeout as wait } from 'node:timers/promises'
import type { Database, Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { isBehindSql, tokenOf } from '../../database/lean-rows.ts'
import { uuidOf } from '../../values/identifier.ts'
import type { EventColumns } from '../event/event-columns.ts'
import { eventIdOf } from '../event/event-id.ts'
import { COLUMNS_AND_BODY, spellEvents } from '../event/event-row-store.ts'
import { isSought } from '../event/sought-type.ts'
import { TILE_WIDTH } from '../formats/tile.ts'
import { freezeSnapshot } from '../log/log-end-store.ts'
import { type LogHead, selectHead } from '../log/log-store.ts'
import {
  type LogEvidence,
  type LoggedLeaf,
  type LogPage,
  type LogSource,
  type RecordAgain,
  type RecordState,
  subtreeKey,
  type WaitingEvent,
} from './log-source.ts'

/** Every page but the last ends where a tile does. */
const PAGE_TILES = 32
const PAGE_ROWS = 5_000
const PAGE_POSITIONS = 20_000
/** Subtrees of more leaves than can be counted are not there. */
const LEVELS = [1, 2, 3, 4, 5, 6]
/** PostgreSQL may read a whole table before it returns the first row. */
const SCAN_TIMEOUT_MS = 60 * 60 * 1000

const SELECT_END: Statement = {
  name: 'select-log-end',
  text: `SELECT (SELECT coalesce(max(sequence) + 1, 0) FROM audit_leaves)::float8 AS leaves,
                (SELECT coalesce(max(size), 0) FROM audit_checkpoints)::float8 AS kept,
                (SELECT coalesce(max(position), -1) FROM audit_events)::float8 AS position,
                count(*)::float8 AS drops, count(*) FILTER (WHERE l.event IS NULL)::float8 AS "waitingDrops"
         FROM audit_events e LEFT JOIN audit_leaves l ON l.event = e.id WHERE ${isSought('audit.drop')}`,
}

const SELECT_LEAVES: Statement = {
  name: 'select-leaves-to-verify',
  text: `SELECT l.sequence::float8 AS sequence, l.event, l.hash, ${COLUMNS_AND_BODY}
         FROM (SELECT * FROM audit_leaves WHERE sequence >= $1 AND sequence < $2) AS l
         LEFT JOIN audit_events e ON e.id = l.event ORDER BY l.sequence`,
  timeoutMs: SCAN_TIMEOUT_MS,
}

const SELECT_SUBTREES: Statement = {
  name: 'select-subtrees-to-verify',
  text: `SELECT s.level, s.index::float8 AS index, s.hash
         FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS r (level, "from", "to")
         JOIN audit_subtrees s ON s.level = r.level AND s.index >= r."from" AND s.index < r."to"`,
}

const SELECT_CHECKPOINTS: Statement = {
  name: 'select-checkpoints-to-verify',
  text: `SELECT size::float8 AS size, note FROM audit_checkpoints WHERE size > $1 AND size <= $2 ORDER BY size`,
}

/** A stretch of positions, and which of its events have no leaf below the end: looked up one by one, with no whole table read. */
const SELECT_WAITING: Statement = {
  name: 'select-waiting-events-to-verify',
  text: `WITH page AS MATERIALIZED (
           SELECT id, position FROM audit_events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $4)
         SELECT (SELECT max(position) FROM page)::float8 AS last, ${COLUMNS_AND_BODY}, e.position::float8 AS position
         FROM (SELECT 1) AS one LEFT JOIN LATERAL (
           SELECT r.* FROM page CROSS JOIN LATERAL (SELECT * FROM audit_events WHERE id = page.id OFFSET 0) AS r
           WHERE (SELECT true FROM audit_leaves l WHERE l.event = page.id AND l.sequence < $3 LIMIT 1) IS NULL) AS e ON true
         ORDER BY e.position`,
  timeoutMs: SCAN_TIMEOUT_MS,
}
/** For records `r`. */
const RECORD_STATE = `token, (SELECT name FROM dictionary d WHERE d.sort = 'kind' AND d.id = r.kind) AS kind, version,
         erased_at IS NOT NULL AS "isErased", created_at AS "createdAt"`
const SELECT_RECORDS: Statement = {
  name: 'select-records-to-compare-with-log',
  text: `SELECT ${RECORD_STATE} FROM records r WHERE ${isBehindSql('$1')} ORDER BY token LIMIT $2`,
}
const SELECT_RECORDS_AGAIN: Statement = {
  name: 'select-records-to-compare-again',
  text: `SELECT ${RECORD_STATE} FROM records r WHERE token = ANY ($1::uuid[])`,
}
const SELECT_EVENTS_AGAIN: Statement = {
  name: 'select-events-of-records-to-compare',
  text: `SELECT ${COLUMNS_AND_BODY} FROM audit_events e LEFT JOIN audit_leaves l ON l.event = e.id
         WHERE e.token = ANY ($1::uuid[]) ORDER BY l.sequence NULLS LAST, e.position`,
  timeoutMs: SCAN_TIMEOUT_MS,
}

type LeafRow = { sequence: number; event: string; hash: Buffer } & (
  | ({ body: string } & EventColumns)
  | { body: null; id: null }
)

type InSnapshot = <T>(work: (tx: Queryable) => Promise<T>) => Promise<T>

/** The log at one moment. */
interface Bounds {
  head: LogHead | undefined
  /** How many leaves there are, or one more than the number of the last. */
  leaves: number
  /** The largest checkpoint that was kept. */
  kept: number
  /** The last event that was inserted. */
  position: number
  /** How many events say that others were dropped, and how many of them wait for their place. */
  drops: number
  waitingDrops: number
}

async function readBounds(tx: Queryable): Promise<Bounds> {
  const head = await selectHead(tx)
  const [end] = await tx.query<Omit<Bounds, 'head'>>(SELECT_END)
  return { head, ...end! }
}

/**
 * The log of a database. It is read page by page, each as it is at that moment, up to its end at the last page, so that
 * no snapshot is held for hours. What is dropped, erased or corrected in the meantime is in the newer events.
 *
 * @param db the database; or a transaction before its first query, to have all of it as it is at one moment
 */
export async function openLogOfDatabase(
  db: Database | Queryable,
  { pageTiles = PAGE_TILES }: { pageTiles?: number } = {},
): Promise<LogSource> {
  const isPaged = 'transaction' in db
  if (!isPaged) await freezeSnapshot(db)
  const inSnapshot: InSnapshot = isPaged
    ? (work) =>
        db.transaction(async (tx) => {
          await freezeSnapshot(tx)
          return work(tx)
        })
    : (work) => work(db)
  const begun = await inSnapshot(readBounds)
  let ended = begun
  return {
    head: evidenceOf(begun),
    isAlone: false,
    end: begun.leaves,
    pages: () => readPages(inSnapshot, begun, pageTiles * TILE_WIDTH, (bounds) => (ended = bounds)),
    waiting: () => readWaiting(db, ended),
    records: () => readRecords(db),
    ...(isPaged ? { lookAgain: (tokens) => inSnapshot((tx) => lookAgain(tx, tokens)) } : {}),
  }
}

function evidenceOf({ head }: Bounds): LogEvidence | null {
  return head === undefined ? null : { place: 'the latest checkpoint', note: head.note, beside: head }
}

/** A drop that has just committed counts once it has its place in the log. The wait for that is limited. */
const DROP_PATIENCE_MS = 30_000
const LOOK_EVERY_MS = 200

/** PostgreSQL reads the next page while this one is checked. New events are read too, at last up to one moment. */
async function* readPages(
  inSnapshot: InSnapshot,
  begun: Bounds,
  width: number,
  onEnd: (bounds: Bounds) => void,
): AsyncIterable<LogPage> {
  let from = 0
  let { drops } = begun
  const read = (at: number) =>
    inSnapshot(async (tx) => {
      const bounds = await readBounds(tx)
      return { bounds, page: await readPage(tx, at, at + width, at + width) }
    })
  const sizeOf = ({ head, leaves }: Bounds) => Math.min(head?.size ?? 0, leaves)
  const withDrops = (page: LogPage, bounds: Bounds): LogPage => {
    const isAfterDrop = bounds.drops > drops
    drops = bounds.drops
    return { ...page, isAfterDrop }
  }

  for (let end = sizeOf(begun), last = -1; end - from > width && end > last; ) {
    let coming = read(from)
    while (from + width < end) {
      const { page, bounds } = await coming
      from += width
      if (from + width < end) {
        coming = read(from)
        // A reader that stops does not wait for it.
        coming.catch(() => {})
      }
      yield withDrops(page, bounds)
    }
    last = end
    end = sizeOf(await inSnapshot(readBounds))
  }
  for (let waited = 0; waited < DROP_PATIENCE_MS; waited += LOOK_EVERY_MS) {
    const { drops: present, waitingDrops } = await inSnapshot(readBounds)
    if (present === begun.drops || waitingDrops === 0) break
    await wait(LOOK_EVERY_MS)
  }
  const { pages, bounds } = await inSnapshot(async (tx) => {
    const bounds = await readBounds(tx)
    const pages: LogPage[] = []
    const last = Math.max(bounds.leaves, bounds.kept)
    let at = from
    do {
      const to = Math.min(at + width, bounds.leaves)
      // A checkpoint of more leaves than there are belongs to the last page.
      pages.push(await readPage(tx, at, to, to < bounds.leaves ? to : last))
      at += width
    } while (at < bounds.leaves)
    return { pages, bounds }
  })
  onEnd(bounds)
  const hasGrown = bounds.head?.note !== begun.head?.note
  for (const [at, page] of pages.entries()) {
    const isLast = at === pages.length - 1
    yield { ...withDrops(page, bounds), ...(isLast && hasGrown ? { head: evidenceOf(bounds) ?? undefined } : {}) }
  }
}

/** @param upTo the largest checkpoint that belongs to the page */
async function readPage(tx: Queryable, from: number, to: number, upTo: number): Promise<LogPage> {
  const ranges = LEVELS.map((level) => TILE_WIDTH ** level)
  const leaves = await spellEvents<LeafRow>(tx, await tx.query(SELECT_LEAVES, [from, to]))
  const subtrees = await tx.query<{ level: number; index: number; hash: Buffer }>(SELECT_SUBTREES, [
    LEVELS,
    ranges.map((width) => Math.floor(from / width)),
    ranges.map((width) => Math.floor(to / width)),
  ])
  const checkpoints = await tx.query<{ size: number; note: string }>(SELECT_CHECKPOINTS, [from, upTo])
  const hashes = new Map(subtrees.map(({ level, index, hash }) => [subtreeKey(level, index), hash]))
  return {
    to,
    leaves: leaves.map(toLeaf),
    subtree: (level, index) => hashes.get(subtreeKey(level, index)),
    hasSubtrees: true,
    checkpoints: checkpoints.map(({ size, note }) => ({
      size,
      place: `the checkpoint kept of ${size} leaves`,
      note,
      beside: { size },
    })),
  }
}

function toLeaf(row: LeafRow): LoggedLeaf {
  const { sequence, event, hash } = row
  return {
    sequence,
    event: eventIdOf(event),
    hash,
    stored: row.body === null ? undefined : { body: row.body, columns: row },
  }
}

/** Events that had no place when the log ended there. */
async function* readWaiting(db: Queryable, { leaves, position, head }: Bounds): AsyncIterable<WaitingEvent[]> {
  const settled = head?.nextPosition ?? 0
  let after = -1
  while (after < position) {
    const found = await db.query<{ last: number | null }>(SELECT_WAITING, [after, position, leaves, PAGE_POSITIONS])
    const { last } = found[0]!
    if (last === null) return
    const rows = await spellEvents<EventColumns & { body: string; position: number }>(db, found)
    const waiting = rows.filter(({ id }) => id !== null)
    if (waiting.length > 0)
      yield waiting.map((row) => ({ body: row.body, columns: row, isPassed: row.position < settled }))
    after = last
  }
}

async function* readRecords(db: Queryable): AsyncIterable<RecordState[]> {
  let after: string | null = null
  while (true) {
    const rows: RecordRow[] = await db.query(SELECT_RECORDS, [after, PAGE_ROWS])
    if (rows.length > 0) yield rows.map(toRecordState)
    if (rows.length < PAGE_ROWS) return
    after = rows.at(-1)!.token
  }
}

type RecordRow = RecordState & { kind: string | null }

function toRecordState({ kind, token, ...record }: RecordRow): RecordState {
  return { ...record, token: tokenOf(kind, token) }
}

async function lookAgain(tx: Queryable, tokens: readonly string[]): Promise<RecordAgain[]> {
  const records = await tx.query<RecordRow>(SELECT_RECORDS_AGAIN, [idArray(tokens)])
  const events = await spellEvents<EventColumns & { body: string }>(
    tx,
    await tx.query(SELECT_EVENTS_AGAIN, [idArray(tokens)]),
  )
  // Only the body has the prefix of a token, and the body is not believed yet.
  const eventsOf = Map.groupBy(events, ({ token }) => uuidOf(token!))
  return records.map((record) => ({
    record: toRecordState(record),
    events: (eventsOf.get(record.token) ?? []).map((row) => ({ body: row.body, columns: row })),
  }))
}
