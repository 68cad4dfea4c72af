/** How many values may be moved a second. */
export interface RowBudget {
  /** How many rows a page may have, so that a slow rotation runs evenly instead of in bursts. */
  readonly pageRows: number
  /** Waits until so many may be moved. */
  spend(count: number): Promise<void>
}

/**
 * Enough rows to spread the fixed cost of a statement over. A correction of one of them waits until the page commits, and that must be
 * over long before a lock is given up, on a busy machine too.
 */
const PAGE_ROWS = 500
/** A page of a limited rotation is worth this much time. */
const PAGE_SECONDS = 0.25

export interface Clock {
  /** Milliseconds from any beginning, never going back. */
  now(): number
  /** Resolves after so many milliseconds; rejects when the rotation is paused. */
  wait(ms: number): Promise<void>
}

/**
 * A token bucket that holds a quarter of a second's worth. What one page took above it is owed, and waited for before
 * the next one: over any longer time the rate holds.
 */
export function createRowBudget(perSecond: number | undefined, clock: Clock): RowBudget {
  if (perSecond === undefined) return { pageRows: PAGE_ROWS, spend: async () => {} }
  const capacity = perSecond * PAGE_SECONDS
  let available = 0
  let filledAt = clock.now()
  return {
    pageRows: Math.max(1, Math.min(PAGE_ROWS, Math.floor(capacity))),
    async spend(count) {
      const now = clock.now()
      available = Math.min(capacity, available + ((now - filledAt) / 1000) * perSecond) - count
      filledAt = now
      if (available < 0) await clock.wait((-available / perSecond) * 1000)
    },
  }
}
