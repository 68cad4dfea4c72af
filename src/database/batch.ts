import { awakeNow } from '../values/awake-time.ts'
import { Problem } from '../values/problem.ts'
import { VaultError } from '../values/vault-error.ts'
import { DatabaseError, isConflict, isLockTimeout, isStatementTimeout } from './database-error.ts'

/** The answer of a statement about an item that it left out, because the item would have waited for a lock. */
export const WAITS = Symbol('waits for a lock')

export interface BatchOptions<Item, Result> {
  /**
   * Runs one statement for all the items and answers with a result for each, in their order. Must be atomic: when it
   * throws a DatabaseError, or has waited for a lock too long, nothing of it was committed.
   *
   * An error in the place of a result rejects that item alone.
   *
   * @param isAlone whether it may wait, for there is one item that others do not wait for; otherwise it may leave an item
   *   out and say `WAITS` of it
   */
  run: (items: readonly Item[], isAlone: boolean) => Promise<readonly (Result | typeof WAITS | Error)[]>
  /** How much an item weighs, in rows: a batch of a thousand is not one more request. 1 when left out. */
  weigh?: (item: Item) => number
  /**
   * The owner of an item. Owners whose items wait get equal parts of a statement, and no owner may fill more than half
   * of the queue.
   */
  ownerOf?: (item: Item) => string
  /** How many rows share a statement at the most; an item that is heavier runs alone. */
  maxRows?: number
  /** How many rows may wait. Above it the answer is 503: a longer queue in memory would only delay all of them. */
  maxWaitingRows?: number
  /** How many statements run at once. If it is more than one, heavy items never take the last place. */
  inFlight?: number
  /**
   * The earliest start of the next statement after a shared one, in milliseconds, unless it is full. A statement costs
   * this process about as much as a request: under load, fewer statements carry more requests each.
   */
  paceMs?: number
}

const MAX_WAIT_MS = 5_000

/** How many statements run at once for items that wait for a lock, beside those that are shared. */
const ALONE_IN_FLIGHT = 2
/** How many items may wait to be tried alone: as many as a few statements share. */
const MAX_ALONE = 1024

interface Waiting<Item, Result> {
  item: Item
  rows: number
  owner: string | undefined
  since: number
  triedAgain: boolean
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/**
 * Group commit: requests that arrive together share one statement and one durable commit, and each is answered only
 * when that commit is done.
 *
 * There is no timer. When nothing is running, what arrived in one turn of the event loop runs at the end of that turn;
 * what arrives while statements run is the next batch. So requests to a quiet vault do not wait, and a busy vault pays
 * for one commit instead of fifty.
 *
 * A statement that failed for a reason of its own has committed nothing. So its items are tried one by one, and a bad
 * one fails alone. When the connection was lost the outcome is unknown: then all of them fail with
 * `database-unavailable`, and nothing is tried again.
 *
 * An item that waits for a lock does not delay others. It leaves its statement, by `WAITS` or because the statement has
 * waited as long as it may, and is tried alone, beside the statements of others. If it then waits in vain, it is
 * refused.
 *
 * @returns a function that adds an item; it rejects with {Problem} busy when too many wait, or for too long
 */
export function createBatch<Item, Result>(options: BatchOptions<Item, Result>): (item: Item) => Promise<Result> {
  const { run, weigh = () => 1, ownerOf, maxRows = 256, maxWaitingRows = 4096, inFlight = 2, paceMs = 0 } = options
  const maxOwnRows = ownerOf === undefined ? maxWaitingRows : maxWaitingRows / 2
  const maxHeavy = Math.max(1, inFlight - 1)
  let waiting: Waiting<Item, Result>[] = []
  let waitingRows = 0
  const ownRows = new Map<string | undefined, number>()
  let running = 0
  let runningHeavy = 0
  let lastDoneAt = Number.NEGATIVE_INFINITY
  let isFlushDue = false
  let pause: NodeJS.Timeout | undefined
  let mayBeginAt = Number.NEGATIVE_INFINITY
  /** Items that are tried alone, in the order in which they left their statements. */
  const alone: Waiting<Item, Result>[] = []
  let runningAlone = 0

  async function runTogether(batch: readonly Waiting<Item, Result>[], isAlone = false): Promise<void> {
    try {
      const results = await run(
        batch.map(({ item }) => item),
        isAlone,
      )
      lastDoneAt = awakeNow()
      if (results.length !== batch.length) throw new Error('a batch must answer each of its items')
      for (const [at, one] of batch.entries()) {
        const result = results[at]!
        if (result instanceof Error) one.reject(result)
        else if (result !== WAITS) one.resolve(result)
        else if (isAlone) throw new Error('an item that is tried alone must wait')
        else tryAlone([one])
      }
    } catch (error) {
      const [first] = batch
      if (isLockTimeout(error) || isStatementTimeout(error)) lastDoneAt = awakeNow()
      if (isLockTimeout(error) && batch.length > 1) tryAlone(batch)
      else if (!(error instanceof DatabaseError)) for (const { reject } of batch) reject(error)
      else if (batch.length > 1) for (const one of batch) await runTogether([one])
      else if (isConflict(error) && first?.triedAgain === false)
        await runTogether([{ ...first, triedAgain: true }], isAlone)
      else first?.reject(isConflict(error) ? new Problem('database-unavailable', { cause: error }) : error)
    }
  }

  function tryAlone(items: readonly Waiting<Item, Result>[]): void {
    const taken = items.slice(0, MAX_ALONE - alone.length)
    alone.push(...taken)
    for (const { reject } of items.slice(taken.length)) reject(new Problem('busy'))
    flushAlone()
  }

  function flushAlone(): void {
    const oldest = awakeNow() - MAX_WAIT_MS
    while (runningAlone < ALONE_IN_FLIGHT) {
      const next = alone.shift()
      if (next === undefined) return
      if (next.since < oldest) {
        next.reject(new Problem('busy', { cause: new VaultError(`waited for ${MAX_WAIT_MS} ms for a lock`) }))
        continue
      }
      runningAlone++
      void runTogether([next], true).finally(() => {
        runningAlone--
        flushAlone()
      })
    }
  }

  const isHeavy = ({ rows }: Waiting<Item, Result>) => rows > maxRows

  /** The next items, as many as fit; none when all that wait are heavy and have to. */
  function take(): Waiting<Item, Result>[] {
    const batch: Waiting<Item, Result>[] = []
    let rows = 0
    for (const one of waitingRows <= maxRows ? waiting : inTurns(waiting)) {
      if (isHeavy(one)) {
        if (batch.length > 0 || runningHeavy >= maxHeavy) continue
        batch.push(one)
        break
      }
      if (rows + one.rows > maxRows) break
      batch.push(one)
      rows += one.rows
    }
    leave(batch)
    return batch
  }

  /** Takes items out of the queue. */
  function leave(leaving: readonly Waiting<Item, Result>[]): void {
    const gone = new Set(leaving)
    waiting = gone.size === waiting.length ? [] : waiting.filter((one) => !gone.has(one))
    for (const { rows, owner } of leaving) {
      waitingRows -= rows
      const left = (ownRows.get(owner) ?? 0) - rows
      if (left > 0) ownRows.set(owner, left)
      else ownRows.delete(owner)
    }
  }

  /**
   * Rejects items that have waited longer than a caller's patience, for a statement that hangs or for too many others.
   */
  function giveUpOnTheOldest(): void {
    const oldest = awakeNow() - MAX_WAIT_MS
    const kept = waiting.findIndex(({ since }) => since >= oldest)
    const late = waiting.slice(0, kept < 0 ? waiting.length : kept)
    if (late.length === 0) return
    leave(late)
    // While statements end, the database is there but slow.
    const code = lastDoneAt > oldest ? 'busy' : 'database-unavailable'
    const cause = new VaultError(`waited for ${MAX_WAIT_MS} ms behind other statements`)
    for (const { reject } of late) reject(new Problem(code, { cause }))
  }

  /** A burst of requests is read in one turn, so the first of them waits for the others. */
  function flushAfterThisTurn(): void {
    if (isFlushDue) return
    const wait = pauseMs()
    if (wait > 0) {
      pause ??= setTimeout(flush, wait)
      return
    }
    isFlushDue = true
    setImmediate(flush)
  }

  function pauseMs(): number {
    return paceMs === 0 || waitingRows >= maxRows ? 0 : mayBeginAt - awakeNow()
  }

  function flush(): void {
    isFlushDue = false
    clearTimeout(pause)
    pause = undefined
    giveUpOnTheOldest()
    while (running < inFlight && waiting.length > 0) {
      const batch = take()
      const [first] = batch
      if (first === undefined) return
      const heavy = isHeavy(first) ? 1 : 0
      running++
      runningHeavy += heavy
      mayBeginAt = batch.length > 1 ? awakeNow() + paceMs : Number.NEGATIVE_INFINITY
      void runTogether(batch).finally(() => {
        running--
        runningHeavy -= heavy
        if (pauseMs() > 0) flushAfterThisTurn()
        else flush()
      })
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      const rows = weigh(item)
      const owner = ownerOf?.(item)
      // An item of any weight is taken if the queue is empty, or has no other item of its owner.
      const isFull = () =>
        (waiting.length > 0 && waitingRows + rows > maxWaitingRows) ||
        (ownRows.has(owner) && ownRows.get(owner)! + rows > maxOwnRows)
      if (isFull()) flush()
      if (isFull()) {
        reject(new Problem('busy'))
        return
      }
      waiting.push({ item, rows, owner, since: awakeNow(), triedAgain: false, resolve, reject })
      waitingRows += rows
      ownRows.set(owner, (ownRows.get(owner) ?? 0) + rows)
      flushAfterThisTurn()
    })
}

/** One of each owner, then the next of each, in the order in which they came. */
function* inTurns<Item, Result>(waiting: readonly Waiting<Item, Result>[]): Generator<Waiting<Item, Result>> {
  const queues = [...Map.groupBy(waiting, ({ owner }) => owner).values()]
  const longest = Math.max(...queues.map(({ length }) => length))
  for (let turn = 0; turn < longest; turn++) {
    for (const queue of queues) if (queue[turn] !== undefined) yield queue[turn]!
  }
}
