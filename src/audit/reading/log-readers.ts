import { setTimeout as wait } from 'node:timers/promises'
import { readerConnections } from '../../database/connection-counts.ts'
import { type Database, type DatabaseOptions, openDatabase } from '../../database/database.ts'
import { isLockTimeout, isStatementTimeout } from '../../database/database-error.ts'
import { Problem } from '../../values/problem.ts'

/** Readers of the log take turns, on connections of their own, so that reveals do not wait for them. */
export interface LogReaders {
  /**
   * Runs `work` when it is the caller's turn.
   *
   * @throws {Problem} busy when the turn does not come, or the database takes too long
   */
  read<T>(caller: string, work: (database: Database) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** A page takes a tenth of a second at most. A slower read is not waited for. */
const STATEMENT_MS = 3_000
const PATIENCE_MS = 5_000
const MOST_WAITING = 256
/**
 * While others wait, a place rests this many times as long as it has worked, so that other calls get the processors
 * first.
 */
const RESTS = 4
const LONGEST_REST_MS = 1_000

/**
 * @param options where the vault's database is, and how many connections the process has for everything else
 */
export function createLogReaders(options: DatabaseOptions): LogReaders {
  const places = readerConnections(options.maxConnections)
  const database = openDatabase({ ...options, maxConnections: places, queryTimeoutMs: STATEMENT_MS })
  const takeTurn = createTurns({ places, patienceMs: PATIENCE_MS, mostWaiting: MOST_WAITING })
  return {
    read: (caller, work) =>
      takeTurn(caller, () => work(database)).catch((error: unknown) => {
        throw isStatementTimeout(error) || isLockTimeout(error) ? new Problem('busy', { cause: error }) : error
      }),
    close: () => database.close(),
  }
}

interface Waiting {
  begin: () => void
}

/**
 * How many reads run at once. The others wait for a turn by caller, however many reads one caller has waiting.
 *
 * @returns a function that runs a read in its turn; it rejects with {Problem} busy when that takes too long
 */
export function createTurns({
  places,
  patienceMs,
  mostWaiting,
}: {
  places: number
  patienceMs: number
  mostWaiting: number
}) {
  /** By caller, in the order of their turns. */
  const queues = new Map<string, Waiting[]>()
  let taken = 0
  let waiting = 0

  function next(): void {
    const [first] = queues
    if (first === undefined) {
      taken--
      return
    }
    const [owner, queue] = first
    const one = queue.shift()!
    // A caller with more reads goes to the end.
    queues.delete(owner)
    if (queue.length > 0) queues.set(owner, queue)
    one.begin()
  }

  function takePlace(owner: string): Promise<void> | undefined {
    if (taken < places) {
      taken++
      return undefined
    }
    if (waiting >= mostWaiting) throw new Problem('busy')
    return new Promise((resolve, reject) => {
      waiting++
      const timer = setTimeout(() => {
        const queue = queues.get(owner)?.filter((other) => other !== one) ?? []
        if (queue.length > 0) queues.set(owner, queue)
        else queues.delete(owner)
        waiting--
        reject(new Problem('busy'))
      }, patienceMs)
      const one = {
        begin() {
          clearTimeout(timer)
          waiting--
          resolve()
        },
      }
      queues.set(owner, [...(queues.get(owner) ?? []), one])
    })
  }

  return async <T>(owner: string, work: () => Promise<T>): Promise<T> => {
    await takePlace(owner)
    const begun = performance.now()
    try {
      return await work()
    } finally {
      const rest = waiting === 0 ? 0 : Math.min(LONGEST_REST_MS, RESTS * (performance.now() - begun))
      if (rest > 0) void wait(rest, undefined, { ref: false }).then(next)
      else next()
    }
  }
}
