import { Problem } from '../problem.ts'
import { DatabaseError } from './database.ts'

export interface BatchOptions<Item, Result> {
  /**
   * Runs one statement for all the items and answers with a result for each, in their order. Must be atomic: when it
   * throws a DatabaseError, nothing of it was committed.
   */
  run: (items: readonly Item[]) => Promise<readonly Result[]>
  /** How many items share a statement at the most. */
  maxItems?: number
  /** How many may wait. Beyond it the answer is 503: a queue in memory would only make everybody late. */
  maxWaiting?: number
  /** How many statements run at once. */
  inFlight?: number
}

interface Waiting<Item, Result> {
  item: Item
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/**
 * Group commit: requests that arrive together share one statement and one durable commit, and each is answered only when
 * that commit is done.
 *
 * There is no timer. When nothing is running, an item runs at once and alone; what arrives while statements run is the next
 * batch. So a quiet vault waits for nobody, and a busy one pays for one commit where it would have paid for fifty.
 *
 * A statement that failed for a reason of its own has committed nothing, so its items are tried one by one and a bad one
 * fails alone. When the connection was lost the outcome is unknown: then all of them fail with `database-unavailable`, and
 * nothing is tried again.
 *
 * @returns a function that adds an item; it rejects with {Problem} busy when too many wait
 */
export function createBatch<Item, Result>(options: BatchOptions<Item, Result>): (item: Item) => Promise<Result> {
  const { run, maxItems = 128, maxWaiting = 2048, inFlight = 2 } = options
  let waiting: Waiting<Item, Result>[] = []
  let running = 0

  async function runTogether(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await run(batch.map(({ item }) => item))
      for (const [at, { resolve }] of batch.entries()) resolve(results[at]!)
    } catch (error) {
      if (batch.length === 1 || !(error instanceof DatabaseError)) {
        for (const { reject } of batch) reject(error)
        return
      }
      for (const one of batch) await runTogether([one])
    }
  }

  function flush(): void {
    while (running < inFlight && waiting.length > 0) {
      const batch = waiting.slice(0, maxItems)
      waiting = waiting.slice(maxItems)
      running++
      void runTogether(batch).finally(() => {
        running--
        flush()
      })
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= maxWaiting) {
        reject(new Problem('busy'))
        return
      }
      waiting.push({ item, resolve, reject })
      flush()
    })
}
