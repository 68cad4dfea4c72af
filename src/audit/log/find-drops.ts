import type { Queryable } from '../../database/database.ts'
import { differingColumns, membersOf } from '../event/event-columns.ts'
import type { EventRow } from '../event/event-row-store.ts'
import { EMPTY_ROOT, hashLeaf } from '../formats/merkle.ts'
import { minimumIndexOf } from '../formats/tile.ts'
import { selectDrops, selectHead } from './log-store.ts'
import { createLeafProof } from './proven-leaf.ts'

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
  /** Everything that was dropped is older, in milliseconds. */
  until: number
  /** How many such events have no place in the log yet, and do not count. */
  waiting: number
}

/** What an `audit.drop` event says. */
interface Drop {
  outcome?: string
  ranges?: string[]
  minimum_index?: number
  until?: string
}

/**
 * What was dropped, according to the events in the tree of the latest checkpoint.
 *
 * @param isOurs asked about an event that waits for its place; without it such an event does not count
 */
export async function findDrops(
  db: Queryable,
  isOurs: (row: EventRow) => Promise<boolean> = async () => false,
): Promise<KnownDrops> {
  const head = await selectHead(db)
  const proof = createLeafProof(db, head ?? { size: 0, root: EMPTY_ROOT })
  const rows = await selectDrops(db)
  const drops: Drop[] = []
  for (const { sequence, ...row } of rows) {
    const members = membersOf(row.body)
    if (members === undefined || differingColumns(row, members).length > 0) continue
    const hash = hashLeaf(Buffer.from(row.body))
    if (await (sequence === null ? isOurs(row) : proof.isLeaf(sequence, hash))) drops.push(members)
  }
  const counted = drops.filter(({ outcome }) => outcome === 'success')
  const ofThisVersion = counted.filter(({ minimum_index }) => minimum_index !== undefined)
  const rangesOf = (some: readonly Drop[]) => some.flatMap(({ ranges = [] }) => ranges.map(parseRange))
  return {
    firstKept: Math.max(0, ...rangesOf(ofThisVersion).map(({ to }) => to + 1)),
    scattered: rangesOf(counted.filter(({ minimum_index }) => minimum_index === undefined)),
    until: Math.max(...counted.map(({ until }) => Date.parse(until ?? '')).filter((time) => !Number.isNaN(time))),
    waiting: rows.filter(({ sequence }) => sequence === null).length,
  }
}

/** Whether what these drops say accounts for a leaf whose event is not there. */
export function isDropped({ firstKept, scattered }: KnownDrops, sequence: number): boolean {
  return sequence < firstKept || scattered.some(({ from, to }) => from <= sequence && sequence <= to)
}

/** Reads `first-last`, or one number. */
function parseRange(range: string): DroppedRange {
  const [from = 0, to = from] = range.split('-').map(Number)
  return { from, to }
}

/** The minimum index of the log as it is. */
export async function findMinimumIndex(db: Queryable): Promise<number> {
  const { firstKept } = await findDrops(db)
  return minimumIndexOf(firstKept, (await selectHead(db))?.size ?? 0)
}
