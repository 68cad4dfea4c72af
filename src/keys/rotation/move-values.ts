import type { Queryable } from '../../database/database.ts'
import { giveWay } from '../../values/time-slice.ts'
import type { Row } from '../sealing/sealed-table.ts'
import type { DamagedValue, KeyCounts, Page, ReencryptionTarget } from './reencryption-target.ts'
import type { RowBudget } from './row-budget.ts'

export interface MoveOptions {
  /** The pool: two statements run at once. */
  database: Queryable
  oldKeys: readonly string[]
  budget: RowBudget
  /** Whether to stop after the part that is under way. */
  isPaused: () => boolean
  onMoved: (counts: KeyCounts) => void
  onDamaged: (damaged: readonly DamagedValue[], stuck: number) => void
  onOrphans: (count: number) => void
}

/**
 * Moves everything under the old keys, in one walk. A page that has more rows than may be written at once is written in
 * parts. While a part is opened and sealed, the one before it is written, and the next page read. Every part is
 * committed separately, so a kill loses at most two parts of work and nothing else.
 */
export async function moveValues(target: ReencryptionTarget, options: MoveOptions): Promise<void> {
  const { database, oldKeys, budget } = options
  const read = (after: Page['next']) => watched(target.readPage(database, oldKeys, budget.pageRows, after))
  let reading = read(undefined)
  let writing: Promise<void> = Promise.resolve()
  try {
    for (;;) {
      const { rows, next } = await reading
      if (options.isPaused()) return
      for (let at = 0; at === 0 || at < rows.length; at += budget.pageRows) {
        if (at > 0 && options.isPaused()) return
        // Not earlier, because the space that a part leaves is free for the next one only when no older statement runs.
        if (next !== undefined && at + budget.pageRows >= rows.length) reading = read(next)
        const { fresh, values } = await reencryptRows(target, rows.slice(at, at + budget.pageRows), options)
        await writing
        if (fresh.length > 0) writing = watched(target.write(database, fresh).then(options.onMoved))
        if (next === undefined && at + budget.pageRows >= rows.length) return
        await budget.spend(values)
      }
    }
  } finally {
    // However the walk ends, no write continues unseen, and a page that was prepared is written.
    await writing
    await reading.catch(() => {})
  }
}

async function reencryptRows(
  target: ReencryptionTarget,
  rows: readonly Row[],
  { onDamaged, onOrphans }: Pick<MoveOptions, 'onDamaged' | 'onOrphans'>,
): Promise<{ fresh: Row[]; values: number }> {
  const renewed: Row[] = []
  let moving = 0
  for (const row of rows) {
    await giveWay()
    const { fresh, values, stuck, damaged, orphans } = await target.reencrypt(row)
    if (fresh !== undefined) renewed.push(fresh)
    if (stuck > 0) onDamaged(damaged, stuck)
    if (orphans > 0) onOrphans(orphans)
    moving += values + orphans
  }
  return { fresh: renewed, values: moving }
}

/** A rejection is handled where the promise is awaited, which may be later. */
function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
