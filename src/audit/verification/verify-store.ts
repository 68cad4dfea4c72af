import type { Queryable, Statement } from '../../database/database.ts'
import { tokenOf } from '../../database/lean-rows.ts'
import type { EventColumns } from '../event-columns.ts'
import { freezeSnapshot } from '../log-end-store.ts'
import { selectHead } from '../log-store.ts'
import { TILE_WIDTH } from '../tile.ts'
import {
  type LoggedLeaf,
  type LogPage,
  type LogSource,
  type RecordState,
  subtreeKey,
  type WaitingEvent,
} from './log-source.ts'

/** Whole tiles, so that every page but the last ends where one does. */
const PAGE_LEAVES = 32 * TILE_WIDTH
const PAGE_ROWS = 5_000
/** Subtrees of more leaves than can be counted are not there. */
const LEVELS = [1, 2, 3, 4, 5, 6]
/** A whole table may have to be read before the first row comes. */
const SCAN_TIMEOUT_MS = 60 * 60 * 1000

const SELECT_END: Statement = {
  name: 'select-log-end',
  text: `SELECT (SELECT coalesce(max(sequence) + 1, 0) FROM audit_leaves)::float8 AS leaves,
                (SELECT coalesce(max(size), 0) FROM audit_checkpoints)::float8 AS kept`,
}

const COLUMNS = 'e.id, e.occurred_at AS "occurredAt", e.type, e.caller, e.token, e.site, e.body'

const SELECT_LEAVES: Statement = {
  name: 'select-leaves-to-verify',
  text: `SELECT l.sequence::float8 AS sequence, l.event, l.hash, ${COLUMNS}
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

const DECLARE_WAITING: Statement = {
  name: 'declare-waiting-events',
  text: `DECLARE waiting_events NO SCROLL CURSOR FOR
         SELECT ${COLUMNS}, e.position < coalesce((SELECT next_position FROM audit_head), 0) AS "isPassed"
         FROM audit_events e WHERE NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event = e.id) ORDER BY e.position`,
}
const FETCH_WAITING: Statement = {
  name: 'fetch-waiting-events',
  text: `FETCH ${PAGE_ROWS} FROM waiting_events`,
  timeoutMs: SCAN_TIMEOUT_MS,
}
const DECLARE_RECORDS: Statement = {
  name: 'declare-records-to-verify',
  text: `DECLARE records_to_verify NO SCROLL CURSOR FOR
         SELECT token, name AS kind, version, erased_at IS NOT NULL AS "isErased", created_at AS "createdAt"
         FROM records r LEFT JOIN dictionary d ON d.sort = 'kind' AND d.id = r.kind`,
}
const FETCH_RECORDS: Statement = {
  name: 'fetch-records-to-verify',
  text: `FETCH ${PAGE_ROWS} FROM records_to_verify`,
  timeoutMs: SCAN_TIMEOUT_MS,
}

type LeafRow = { sequence: number; event: string; hash: Buffer } & (
  | ({ body: string } & EventColumns)
  | { body: null; id: null }
)

/** The log of a database. Needs a transaction in which nothing was asked before, and which stays open as long as it is read. */
export async function openLogOfDatabase(tx: Queryable): Promise<LogSource> {
  // The log and the records are compared as they were at one moment.
  await freezeSnapshot(tx)
  const head = await selectHead(tx)
  const [end] = await tx.query<{ leaves: number; kept: number }>(SELECT_END)
  return {
    head: head === undefined ? null : { place: 'the latest checkpoint', note: head.note, beside: head },
    isAlone: false,
    end: end!.leaves,
    pages: () => readPages(tx, end!.leaves, Math.max(end!.leaves, end!.kept)),
    waiting: () => fetchAll<WaitingEvent & EventColumns, WaitingEvent>(tx, DECLARE_WAITING, FETCH_WAITING, toWaiting),
    records: () => fetchAll(tx, DECLARE_RECORDS, FETCH_RECORDS, toRecordState),
  }
}

/** While one page is looked at, PostgreSQL reads the next. */
async function* readPages(tx: Queryable, end: number, last: number): AsyncIterable<LogPage> {
  let coming = readPage(tx, 0, end, last)
  for (let from = 0; ; from += PAGE_LEAVES) {
    const page = await coming
    const isLast = page.to >= end
    if (!isLast) {
      coming = readPage(tx, from + PAGE_LEAVES, end, last)
      // Whoever stops reading does not wait for it.
      coming.catch(() => {})
    }
    yield page
    if (isLast) return
  }
}

async function readPage(tx: Queryable, from: number, end: number, last: number): Promise<LogPage> {
  const to = Math.min(from + PAGE_LEAVES, end)
  const ranges = LEVELS.map((level) => TILE_WIDTH ** level)
  const leaves = await tx.query<LeafRow>(SELECT_LEAVES, [from, to])
  const subtrees = await tx.query<{ level: number; index: number; hash: Buffer }>(SELECT_SUBTREES, [
    LEVELS,
    ranges.map((width) => Math.floor(from / width)),
    ranges.map((width) => Math.floor(to / width)),
  ])
  // A checkpoint of more leaves than there are belongs to the last page.
  const upTo = to < end ? to : Math.max(to, last)
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

function toRecordState({ kind, ...record }: RecordState & { kind: string | null }): RecordState {
  return { ...record, token: tokenOf(kind, record.token) }
}

function toLeaf(row: LeafRow): LoggedLeaf {
  const { sequence, event, hash } = row
  return { sequence, event, hash, stored: row.body === null ? undefined : { body: row.body, columns: row } }
}

function toWaiting(row: WaitingEvent & EventColumns): WaitingEvent {
  return { body: row.body, columns: row, isPassed: row.isPassed }
}

async function* fetchAll<Row, Item>(
  tx: Queryable,
  declare: Statement,
  fetch: Statement,
  toItem: (row: Row) => Item,
): AsyncIterable<Item[]> {
  await tx.query(declare)
  while (true) {
    const rows = await tx.query<Row>(fetch)
    if (rows.length === 0) return
    yield rows.map(toItem)
  }
}
