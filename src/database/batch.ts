import { Problem } from '../problem.ts'
import { DatabaseError, isConflict } from './database-error.ts'

export interface BatchOptions<Item, Result> {
  /**
   * Runs one statement for all the items and answers with a result for each, in their order. Must be atomic: when it
   * throws a DatabaseError, nothing of it was committed.
   */
  run: (items: readonly Item[]) => Promise<readonly Result[]>
  /** How much an item weighs, in rows: a batch of a thousand is not one more request. 1 when left out. */
  weigh?: (item: Item) => number
  /** How many rows share a statement at the most; an item that is heavier runs alone. */
  maxRows?: number
  /** How many rows may wait. Beyond it the answer is 503: a queue in memory would only make everybody late. */
  maxWaitingRows?: number
  /** How many statements run at once. */
  inFlight?: number
}

const MAX_WAIT_MS = 5_000

interface Waiting<Item, Result> {
  item: Item
  rows: number
  since: number
  triedAgain: boolean
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/**
 * Group commit: requests that arrive together share one statement and one durable commit, and each is answered only when
 * that commit is done.
 *
 * There is no timer. When nothing is running, what arrived in one turn of the event loop runs at the end of that turn; what
 * arrives while statements run is the next batch. So a quiet vault waits for nobody, and a busy one pays for one commit
 * where it would have paid for fifty.
 *
 * A statement that failed for a reason of its own has committed nothing, so its items are tried one by one and a bad one
 * fails alone. When the connection was lost the outcome is unknown: then all of them fail with `database-unavailable`, and
 * nothing is tried again.
 *
 * @returns a function that adds an item; it rejects with {Problem} busy when too many wait
 */
export function createBatch<Item, Result>(options: BatchOptions<Item, Result>): (item: Item) => Promise<Result> {
  const { run, weigh = () => 1, maxRows = 256, maxWaitingRows = 4096, inFlight = 2 } = options
  let waiting: Waiting<Item, Result>[] = []
  let waitingRows = 0
  let running = 0
  let isFlushDue = false

  async function runTogether(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await run(batch.map(({ item }) => item))
      if (results.length !== batch.length) throw new Error('a batch must answer each of its items')
      for (const [at, { resolve }] of batch.entries()) resolve(results[at]!)
    } catch (error) {
      const [first] = batch
      if (!(error instanceof DatabaseError)) for (const { reject } of batch) reject(error)
      else if (batch.length > 1) for (const one of batch) await runTogether([one])
      else if (isConflict(error) && first?.triedAgain === false) await runTogether([{ ...first, triedAgain: true }])
      else first?.reject(isConflict(error) ? new Problem('database-unavailable', { cause: error }) : error)
    }
  }

  /** The next items in their order, as many as fit. */
  function take(): Waiting<Item, Result>[] {
    let rows = 0
    const tooMany = waiting.findIndex((one, at) => {
      rows += one.rows
      return at > 0 && rows > maxRows
    })
    const batch = tooMany < 0 ? waiting : waiting.slice(0, tooMany)
    waiting = tooMany < 0 ? [] : waiting.slice(tooMany)
    waitingRows -= batch.reduce((sum, one) => sum + one.rows, 0)
    return batch
  }

  /** Behind a statement that hangs nobody is kept longer than a caller's patience. */
  function giveUpOnTheOldest(): void {
    const oldest = performance.now() - MAX_WAIT_MS
    const kept = waiting.findIndex(({ since }) => since >= oldest)
    const late = waiting.splice(0, kept < 0 ? waiting.length : kept)
    for (const { rows, reject } of late) {
      waitingRows -= rows
      reject(new Problem('database-unavailable'))
    }
  }

  /** A burst of requests is read in one turn: the first of them must not leave alone. */
  function flushAfterThisTurn(): void {
    if (isFlushDue) return
    isFlushDue = true
    setImmediate(() => {
      isFlushDue = false
      flush()
    })
  }

  function flush(): void {
    giveUpOnTheOldest()
    while (running < inFlight && waiting.length > 0) {
      running++
      void runTogether(take()).finally(() => {
        running--
        flush()
      })
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      const rows = weigh(item)
      // Whatever its weight, an item that finds the queue empty is taken.
      const isFull = () => waiting.length > 0 && waitingRows + rows > maxWaitingRows
      if (isFull()) flush()
      if (isFull()) {
        reject(new Problem('busy'))
        return
      }
      waiting.push({ item, rows, since: performance.now(), triedAgain: false, resolve, reject })
      waitingRows += rows
      flushAfterThisTurn()
    })
}
