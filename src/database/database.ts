import { readFileSync } from 'node:fs'
import pg from 'pg'
import { MAX_POOL } from './connection-counts.ts'
import { isConflict, isUnavailable, unavailable } from './database-error.ts'
import { createDictionary, type Dictionary, DictionaryMemory } from './dictionary.ts'
import { valueTypes } from './read-time.ts'
import { type Behind, sendBehind } from './send-behind.ts'
import { ROLLBACK, SessionPool, type SessionState, type Settle, type Statement } from './session-pool.ts'
import { applySettings, KEEPALIVE_IDLE_MS, QUERY_TIMEOUT_MS } from './session-settings.ts'

export type { Statement } from './session-pool.ts'
export { PATIENT_LOCK_TIMEOUT_MS, QUERY_TIMEOUT_MS } from './session-settings.ts'

/** Runs statements: the pool itself, or one transaction. */
export interface Queryable {
  /** Runs one statement; values are always bound, never part of the text. */
  query<Row>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>
  readonly dictionary: Dictionary
  /** Sends another statement right behind the next one: see `Behind`. Only the pool does: each of the two commits by itself. */
  behind?<Row>(statement: Statement, values: readonly unknown[]): Behind<Row>
}

/** The outcome of a transaction; `unknown` when its connection or its answer was lost. */
type Outcome = 'committed' | 'rolled-back' | 'unknown'

/** One transaction under way. */
export interface Transaction extends Queryable {
  /**
   * Calls back when the transaction is over, with what statements can be run on afterwards. `transaction` waits for it; when
   * it throws after the commit, the transaction rejects, though it is committed.
   */
  whenOver(callback: (outcome: Outcome, db: Queryable) => Promise<void> | void): void
}

export interface Database extends Queryable {
  /**
   * Runs `work` in one transaction on one connection; rolls back when it throws. After a conflict it runs once more, so
   * `work` must have no effect but in the database.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** How many connections were lost so far. The next one may lead to another server, or to an older database. */
  readonly losses: number
  /**
   * Uses new sessions from now on. Statements that are prepared in the old ones may still do what a rule made of them,
   * after the rule is gone.
   */
  renew(): void
  /** Calls `onMessage` for every NOTIFY on the channel, and once after each reconnection, since some may be missed. */
  listen(channel: string, onMessage: () => void): Promise<void>
  /**
   * Holds an advisory lock for as long as `work` runs, on the session it is given; undefined if another session holds
   * it.
   */
  tryLock<T>(lock: number, work: (session: Queryable) => Promise<T>): Promise<T | undefined>
  close(): Promise<void>
}

export interface DatabaseOptions {
  url: string
  /** PEM file of the authority that signed the server's certificate; TLS is verified against it, and only against it. */
  caFile?: string | undefined
  /** The schema of the vault's tables. Default: public. */
  schema?: string | undefined
  maxConnections?: number | undefined
  /** How long a statement waits for a lock, in milliseconds. Default: 1,500. */
  lockTimeoutMs?: number | undefined
  /** How long a statement may take unless it says otherwise, in milliseconds. Default: 10,000. */
  queryTimeoutMs?: number | undefined
}

/**
 * Longer than a busy machine stops the process. Otherwise the timer could end before an existing connection is noticed.
 */
export const CONNECT_TIMEOUT_MS = 7_000

/** Opens a pool. Nothing connects before the first statement. */
export function openDatabase(options: DatabaseOptions): Database {
  const connection = connectionOptions(options)
  const { schema = 'public', lockTimeoutMs, queryTimeoutMs } = options
  const settings = { schema, lockTimeoutMs, queryTimeoutMs }
  const settle = (client: pg.ClientBase) => applySettings(client, settings, CONNECT_TIMEOUT_MS)
  const pool = new SessionPool(connection, settle, options.maxConnections ?? MAX_POOL, lockTimeoutMs, queryTimeoutMs)
  const listeners: Listener[] = []
  const memory = new DictionaryMemory(() => pool.losses)

  async function query<Row>(statement: Statement, values?: readonly unknown[]): Promise<Row[]> {
    const client = await pool.take()
    let state: SessionState = 'good'
    try {
      return await pool.run<Row>(client, statement, values)
    } catch (error) {
      if (isUnavailable(error)) state = 'broken'
      throw error
    } finally {
      pool.giveBack(client, state)
    }
  }

  const dictionary = createDictionary(memory.of, query)

  return {
    get losses() {
      return pool.losses
    },
    renew: () => pool.renew(),
    query,
    behind: (statement, values) => sendBehind(pool, dictionary, statement, values),
    dictionary,
    async transaction(work) {
      try {
        return await transact(pool, memory, work)
      } catch (error) {
        if (!isConflict(error)) throw error
        return transact(pool, memory, work)
      }
    },
    async listen(channel, onMessage) {
      const listener = new Listener(connection, settle, channel, onMessage)
      listeners.push(listener)
      await listener.start()
    },
    async tryLock(lock, work) {
      const client = await pool.take()
      try {
        const [row] = await pool.run<{ locked: boolean }>(client, TRY_LOCK, [lock])
        if (!row?.locked) return undefined
        const run: Queryable['query'] = (statement, values) => pool.run(client, statement, values)
        const own: Queryable = { query: run, dictionary: createDictionary(memory.of, run) }
        return await work(own).finally(() => pool.run(client, UNLOCK, [lock]).catch(() => {}))
      } finally {
        // Ending the session frees the lock in every case, but only after this has returned.
        pool.giveBack(client, 'spent')
      }
    },
    async close() {
      await Promise.all(listeners.map((listener) => listener.stop()))
      await pool.close()
    },
  }
}

/** Whatever the database's default is: under a lock the latest commits must be visible. */
const BEGIN: Statement = { name: 'begin', text: 'BEGIN ISOLATION LEVEL READ COMMITTED' }
const COMMIT: Statement = { name: 'commit', text: 'COMMIT' }

/**
 * SQL of the upper half of the numbers of `tryLock`, which makes the vaults in several schemas of one database
 * independent. In the schema public it is 0, as in earlier versions.
 */
export const LOCK_SPACE = `CASE current_schema() WHEN 'public' THEN 0 ELSE hashtext(current_schema()) END`
const OWN_LOCK = `(((${LOCK_SPACE})::bigint << 32) + $1::bigint)`
const UNLOCK: Statement = { name: 'unlock', text: `SELECT pg_advisory_unlock(${OWN_LOCK})`, timeoutMs: 1_000 }
const TRY_LOCK: Statement = { name: 'try-lock', text: `SELECT pg_try_advisory_lock(${OWN_LOCK}) AS locked` }

/**
 * The options for `pg`, with TLS decided in code. A URL's `sslmode` would override it, so config.ts refuses that.
 * Without an authority's certificate only loopback is reachable in the clear; any other server must be verified.
 */
export function connectionOptions({ url, caFile }: Pick<DatabaseOptions, 'url' | 'caFile'>): pg.ClientConfig {
  const { hostname } = new URL(url)
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_IDLE_MS,
    application_name: 'strongroom',
    types: valueTypes,
    ...(caFile === undefined && isLoopback(hostname)
      ? {}
      : {
          ssl: {
            ...(caFile ? { ca: readFileSync(caFile, 'utf8') } : {}),
            rejectUnauthorized: true,
            servername: hostname,
          },
        }),
  }
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname === '::1' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

async function transact<T>(
  pool: SessionPool,
  memory: DictionaryMemory,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const client = await pool.take()
  const run: Queryable['query'] = (statement, values) => pool.run(client, statement, values)
  const names = memory.branch()
  const own: Queryable = { query: run, dictionary: createDictionary(names.of, run) }
  const callbacks: Parameters<Transaction['whenOver']>[0][] = []
  let state: SessionState = 'good'
  let isCommitted = false
  try {
    await own.query(BEGIN)
    const result = await work({ ...own, whenOver: (callback) => void callbacks.push(callback) })
    await own.query(COMMIT)
    isCommitted = true
    names.keep()
    for (const callback of callbacks) await callback('committed', own)
    return result
  } catch (error) {
    // A connection that failed or hangs cannot roll back; PostgreSQL does it when the connection is gone.
    if (isUnavailable(error)) state = 'broken'
    else if (!isCommitted) {
      await own.query(ROLLBACK).catch(() => {
        state = 'broken'
      })
    }
    const outcome = state === 'broken' ? 'unknown' : 'rolled-back'
    if (!isCommitted) for (const callback of callbacks) await callback(outcome, own)
    throw error
  } finally {
    pool.giveBack(client, state)
  }
}

const RECONNECT_MS = 500

/** One connection that waits for notifications and reconnects. */
class Listener {
  readonly #connection: pg.ClientConfig
  readonly #settle: Settle
  readonly #channel: string
  readonly #onMessage: () => void
  #client: pg.Client | undefined
  #stopped = false
  #retry: NodeJS.Timeout | undefined

  constructor(connection: pg.ClientConfig, settle: Settle, channel: string, onMessage: () => void) {
    this.#connection = connection
    this.#settle = settle
    this.#channel = channel
    this.#onMessage = onMessage
  }

  async start(): Promise<void> {
    const client = new pg.Client(this.#connection)
    let listening = false
    // Only the loss of a connection that has listened is reported here; one that was never established is reported by
    // its rejection.
    const onLost = () => {
      if (listening) this.#reconnect(client)
    }
    client.on('notification', () => this.#onMessage())
    client.on('error', onLost)
    client.on('end', onLost)
    try {
      await client.connect()
      await this.#settle(client)
      await client.query(`LISTEN ${client.escapeIdentifier(this.#channel)}`)
    } catch (error) {
      await client.end().catch(() => {})
      throw unavailable(error)
    }
    if (this.#stopped) {
      await client.end().catch(() => {})
      return
    }
    listening = true
    this.#client = client
  }

  #reconnect(lost: pg.Client): void {
    if (this.#stopped || this.#client !== lost) return
    this.#client = undefined
    lost.end().catch(() => {})
    this.#tryAgain()
  }

  #tryAgain(): void {
    this.#retry = setTimeout(() => {
      this.start().then(this.#onMessage, () => {
        if (!this.#stopped) this.#tryAgain()
      })
    }, RECONNECT_MS).unref()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    await this.#client?.end().catch(() => {})
  }
}
