import type { Row } from '../sealing/sealed-table.ts'
import type { Page } from './reencryption-target.ts'

/**
 * A walk over a table in the order in which its rows lie, a stretch of pages at a time. Rows that are updated one after the other lie
 * together then, so each page goes into the WAL as a whole once, and not for every row of it.
 */
export interface Stretch {
  /** The first page of it, and the first one after it, as PostgreSQL writes the place of a row. */
  from: string
  to: string
}

/** @param pages how many pages it has */
export function stretchAt(after: Page['next'], pages: number): Stretch & { end: number } {
  const start = Number(after?.[0] ?? 0)
  const end = start + pages
  return { from: `(${start},0)`, to: `(${end},0)`, end }
}

/** SQL of how many pages the table has at the moment. */
export function pagesOf(table: string): string {
  return `(pg_relation_size('${table}'::regclass) / current_setting('block_size')::integer)::integer`
}

/**
 * The rows of a stretch: of each page the first one, then of each the second one, and so on. They are written in this
 * order, part by part, each part in a transaction of its own. The space that a row leaves in its page is free as soon
 * as that has committed, and the next row of the page is written there: no index is touched, and the table does not
 * grow. Of a full page only the first row moves away.
 *
 * @param place the column that says where a row is, such as `(7,3)`
 */
export function takeTurns<R extends Row>(rows: readonly R[], place: string): R[] {
  const pages = Map.groupBy(rows, (row) => pageOf(row[place]))
  const order = [...pages.keys()].sort((a, b) => a - b).map((page) => pages.get(page)!)
  const most = Math.max(0, ...order.map(({ length }) => length))
  return Array.from({ length: most }, (_, turn) => order.flatMap((page) => page.slice(turn, turn + 1))).flat()
}

function pageOf(place: unknown): number {
  return Number(/^\((\d+),/.exec(String(place))?.[1] ?? 0)
}
