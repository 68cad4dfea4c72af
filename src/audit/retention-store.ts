import type { Queryable, Statement } from '../database/database.ts'
import { selectHead } from './log-store.ts'
import { minimumIndexOf } from './tile.ts'

const SELECT_DROPS: Statement = {
  name: 'select-audit-drops',
  text: `SELECT body, (SELECT true FROM audit_leaves l WHERE l.event = e.id) IS NOT NULL AS "isSequenced"
         FROM audit_events e WHERE type = 'audit.drop' ORDER BY id`,
}

/** Leaves whose events were dropped: the first and the last. */
export interface DroppedRange {
  from: number
  to: number
}

export interface KnownDrops {
  /** The first leaf whose event was kept: everything before was dropped, as the log itself says. */
  firstKept: number
  /** What earlier versions dropped, which need not be the beginning of the log. */
  scattered: readonly DroppedRange[]
  /** How many such events have no place in the log yet, and count for nothing. */
  waiting: number
}

/** What was dropped, as the events say that have their place in the log. */
export async function findDrops(db: Queryable): Promise<KnownDrops> {
  const rows = await db.query<{ body: string; isSequenced: boolean }>(SELECT_DROPS)
  const drops = rows
    .filter(({ isSequenced }) => isSequenced)
    .map(({ body }) => JSON.parse(body) as { ranges?: string[]; minimum_index?: number })
  const ofThisVersion = drops.filter(({ minimum_index }) => minimum_index !== undefined)
  const rangesOf = (some: typeof drops) => some.flatMap(({ ranges = [] }) => ranges.map(parseRange))
  return {
    firstKept: Math.max(0, ...rangesOf(ofThisVersion).map(({ to }) => to + 1)),
    scattered: rangesOf(drops.filter(({ minimum_index }) => minimum_index === undefined)),
    waiting: rows.length - drops.length,
  }
}

/** Reads `first-last`, or one number. */
export function parseRange(range: string): DroppedRange {
  const [from = 0, to = from] = range.split('-').map(Number)
  return { from, to }
}

/** The minimum index of the log as it is. */
export async function findMinimumIndex(db: Queryable): Promise<number> {
  const { firstKept } = await findDrops(db)
  return minimumIndexOf(firstKept, (await selectHead(db))?.size ?? 0)
}
