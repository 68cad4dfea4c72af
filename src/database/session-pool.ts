import pg from 'pg'
import { Problem } from '../values/problem.ts'
import { translate, unavailable } from './database-error.ts'
import { LOCK_TIMEOUT_MS, QUERY_TIMEOUT_MS, SERVER_IS_EARLIER_MS } from './session-settings.ts'

/** A prepared statement: PostgreSQL plans it once per connection and reuses it under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
  /** How long it may take, if it differs from other statements. */
  readonly timeoutMs?: number
  /** How long it may wait for a lock, if others keep that lock for longer than usual. */
  readonly lockTimeoutMs?: number
  /** Whether it is planned each time for its values, because no plan fits all of them. */
  readonly isPlannedAnew?: boolean
}

/** How often the server is asked about sessions that have not answered. */
const ASK_EVERY_MS = 2_000

/** How long a statement may take in the server, and wait for a lock there, in milliseconds. */
interface Limits {
  statement: number
  lock: number
}

const UNKNOWN: Limits = { statement: Number.NaN, lock: Number.NaN }

export const ROLLBACK: Statement = { name: 'rollback', text: 'ROLLBACK' }

/**
 * Which of these sessions still work on a statement. Such a statement is cancelled, because its caller has an answer
 * already. A commit that waits for a standby is not cancelled, because it would then count as committed without the
 * standby.
 */
const STILL_WORKING = `
  SELECT pid, CASE WHEN wait_event IS DISTINCT FROM 'SyncRep' THEN pg_cancel_backend(pid) END
  FROM pg_stat_activity WHERE pid = ANY($1) AND usename = current_user AND state = 'active'`

/** The message of pg-pool when a caller has waited for a free connection for `connectionTimeoutMillis`. */
const POOL_STAYED_FULL = 'timeout exceeded when trying to connect'

/** Prepares a session that has just connected. */
export type Settle = (client: pg.ClientBase) => Promise<void>

/** How a session goes back: `broken` if its state is unknown, `spent` if it may not be used again. */
export type SessionState = 'good' | 'broken' | 'spent'

/** `processID` is set from the server's BackendKeyData; the types leave out both. */
type Client = pg.PoolClient & { readonly processID: number | null; readonly connection: pg.Connection }

/**
 * A pool of sessions whose limit also holds on the server.
 *
 * A statement that times out here continues in PostgreSQL: a commit may wait for a standby for hours, whether its
 * client is there or not. So its session is not replaced. It keeps its place in the pool until it has answered, its
 * connection has broken, or the server says that it no longer works or cannot be reached at all. When every place is
 * kept, the answer is `busy`.
 */
export class SessionPool {
  readonly #connection: pg.ClientConfig
  readonly #settle: Settle
  readonly #max: number
  readonly #pool: pg.Pool
  /** Sessions whose connection has broken. */
  readonly #gone = new WeakSet<pg.PoolClient>()
  /** Resolves when a session whose statement timed out has answered it, or its connection is gone. */
  readonly #answered = new WeakMap<pg.PoolClient, Promise<void>>()
  /** The limits of a session, where they are not what they were at first. */
  readonly #limits = new WeakMap<pg.PoolClient, Limits>()
  readonly #usual: Limits
  /** How long the client waits for the answer of a statement that does not say otherwise. */
  readonly #timeoutMs: number
  /** Sessions that were given back without an answer. */
  readonly #abandoned = new Map<Client, SessionState>()
  #asking: NodeJS.Timeout | undefined
  #closed = false
  #losses = 0
  /** Sessions that stay in use after `renew`. */
  #fresh = new WeakSet<pg.PoolClient>()

  /**
   * @param max the largest number of sessions, without the one that asks about abandoned ones
   * @param lockTimeoutMs how long a statement waits for a lock, as `settle` sets it
   * @param timeoutMs how long a statement may take, as `settle` sets it
   */
  constructor(
    connection: pg.ClientConfig,
    settle: Settle,
    max: number,
    lockTimeoutMs = LOCK_TIMEOUT_MS,
    timeoutMs = QUERY_TIMEOUT_MS,
  ) {
    this.#timeoutMs = timeoutMs
    this.#usual = { statement: timeoutMs - SERVER_IS_EARLIER_MS, lock: lockTimeoutMs }
    this.#connection = connection
    this.#settle = settle
    this.#max = max
    // Statements are sent without waiting for the one before. pg would end a connection on which one of them is late, so the time is
    // kept here: `query_timeout` is off.
    const pipelined = { pipeline: true, query_timeout: 0 }
    this.#pool = new pg.Pool({ ...connection, ...pipelined, max, idleTimeoutMillis: 30_000, onConnect: settle })
    // A connection that breaks must not end the process, whether it is idle or in use: the statement that waits for it
    // is rejected anyway, and the next one gets a new connection.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => {
      this.#fresh.add(client)
      client.on('error', () => {
        if (!this.#gone.has(client)) this.#losses++
        this.#gone.add(client)
      })
      client.once('end', () => this.#gone.add(client))
    })
  }

  /** How many sessions have ended otherwise than by this pool. */
  get losses(): number {
    return this.#losses
  }

  /**
   * Retires all sessions of this moment. After a rule turned a statement into nothing, the sessions that have prepared
   * it do nothing for it, even when the rule is gone: the plan depends on no table any longer.
   */
  renew(): void {
    this.#fresh = new WeakSet()
  }

  /** @throws {Problem} busy, when every session is in use for too long; database-unavailable, when there is no connection */
  async take(): Promise<pg.PoolClient> {
    if (this.#abandoned.size >= this.#max) throw new Problem('busy')
    try {
      for (;;) {
        const client = await this.#pool.connect()
        if (this.#fresh.has(client)) return client
        client.release(true)
      }
    } catch (error) {
      if (error instanceof Error && error.message === POOL_STAYED_FULL) throw new Problem('busy', { cause: error })
      throw unavailable(error)
    }
  }

  /** @throws {Problem | DatabaseError} */
  async run<Row>(client: pg.PoolClient, statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      await this.#limit(client, statement)
    } catch (error) {
      throw this.#failed(client, error)
    }
    return this.#send(client, statement, values)
  }

  /**
   * Sends a statement, and another right behind it, which begins when the first has committed or failed. The session is in use until
   * both have answered.
   */
  async runBoth<First, Second>(
    client: pg.PoolClient,
    [first, firstValues]: readonly [Statement, readonly unknown[]],
    [second, secondValues]: readonly [Statement, readonly unknown[]],
  ): Promise<readonly [Promise<First[]>, Promise<Second[]>]> {
    try {
      await this.#limit(client, first)
    } catch (error) {
      throw this.#failed(client, error)
    }
    // Both go out in one write: a write to a socket costs more than all that is done in this process for a statement.
    const { stream } = (client as Client).connection
    stream.cork()
    try {
      return [this.#send<First>(client, first, firstValues), this.#send<Second>(client, second, secondValues)]
    } finally {
      stream.uncork()
    }
  }

  /** @throws {Problem | DatabaseError} */
  async #send<Row>(client: pg.PoolClient, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const { name, text, isPlannedAnew = false, timeoutMs = this.#timeoutMs } = statement
    const config = { ...(isPlannedAnew ? {} : { name }), text, values: [...values] }
    try {
      return (await within(timeoutMs, client.query(config))).rows as Row[]
    } catch (error) {
      throw this.#failed(client, error)
    }
  }

  /** Notes that the session has not answered, if so. */
  #failed(client: pg.PoolClient, error: unknown): Error {
    // An error of the server is an answer.
    if (!(error instanceof pg.DatabaseError) && !this.#gone.has(client) && !this.#answered.has(client)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      client.once('drain', resolve).once('end', resolve)
      this.#answered.set(client, promise)
    }
    return translate(error)
  }

  /** Gives the session the limits of the statement. A rollback takes back what was set, or leaves it. */
  async #limit(client: pg.PoolClient, statement: Statement): Promise<void> {
    if (statement === ROLLBACK) {
      this.#limits.set(client, UNKNOWN)
      return
    }
    const { timeoutMs = this.#timeoutMs, lockTimeoutMs: lock = this.#usual.lock } = statement
    const limit = Math.max(timeoutMs, this.#timeoutMs) - SERVER_IS_EARLIER_MS
    const present = this.#limits.get(client) ?? this.#usual
    if (present.statement === limit && present.lock === lock) return
    await within(this.#timeoutMs, client.query(`SET statement_timeout = ${limit}; SET lock_timeout = ${lock}`))
    this.#limits.set(client, { statement: limit, lock })
  }

  /** Takes a session back. It may be closed only after this has returned. */
  giveBack(client: pg.PoolClient, state: SessionState): void {
    const answered = this.#answered.get(client)
    if (answered === undefined || this.#closed || this.#gone.has(client)) {
      client.release(state !== 'good')
      return
    }
    this.#abandoned.set(client as Client, state)
    void answered.then(() => this.#takeBack(client as Client))
    this.#askLater()
  }

  /** A session that has answered is used again: a new one would overlap with its end. */
  async #takeBack(client: Client): Promise<void> {
    const state = this.#abandoned.get(client)
    if (!this.#abandoned.delete(client)) return
    this.#answered.delete(client)
    if (state === 'spent' || this.#gone.has(client)) {
      client.release(true)
      return
    }
    try {
      if (client.getTransactionStatus() !== 'I') await this.run(client, ROLLBACK)
      this.giveBack(client, 'good')
    } catch {
      this.giveBack(client, 'broken')
    }
  }

  #askLater(): void {
    this.#asking ??= setTimeout(() => {
      void this.#ask().finally(() => {
        this.#asking = undefined
        if (this.#abandoned.size > 0) this.#askLater()
      })
    }, ASK_EVERY_MS).unref()
  }

  /** Gives up sessions that do not work any more, for example because the answer was lost. */
  async #ask(): Promise<void> {
    const asked = [...this.#abandoned.keys()]
    if (asked.length === 0) return
    const working = await this.#stillWorking(asked)
    for (const client of asked) {
      if (working.has(client) || !this.#abandoned.delete(client)) continue
      client.release(true)
    }
  }

  /** Without a connection there is no further session either, and the next one may lead to another server. */
  async #stillWorking(clients: readonly Client[]): Promise<ReadonlySet<Client>> {
    const session = new pg.Client(this.#connection)
    session.on('error', () => {})
    try {
      await session.connect()
      await this.#settle(session)
      const { rows } = await session.query<{ pid: number }>(STILL_WORKING, [clients.map(({ processID }) => processID)])
      const pids = new Set(rows.map(({ pid }) => pid))
      return new Set(clients.filter(({ processID }) => processID !== null && pids.has(processID)))
    } catch (error) {
      return new Set(error instanceof pg.DatabaseError ? clients : [])
    } finally {
      void session.end().catch(() => {})
    }
  }

  /** Waits for the sessions in use, and leaves the abandoned ones to the server. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#asking)
    for (const client of this.#abandoned.keys()) client.release(true)
    this.#abandoned.clear()
    await this.#pool.end()
  }
}

/** The answer, if it comes in time. A later one is ignored. */
function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const timer = setTimeout(() => reject(new Error('Query read timeout')), ms)
  answer.then(resolve, reject).finally(() => clearTimeout(timer))
  return promise
}
