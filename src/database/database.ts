import { readFileSync } from 'node:fs'
import pg from 'pg'
import { isConflict, isUnavailable, translate, unavailable } from './database-error.ts'

/** A prepared statement: PostgreSQL plans it once per connection and reuses it under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
  /** How long it may take, when that is not what every other statement may. */
  readonly timeoutMs?: number
}

/** Runs statements: the pool itself, or one transaction. */
export interface Queryable {
  /** Runs one statement; values are always bound, never part of the text. */
  query<Row>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>
}

export interface Database extends Queryable {
  /**
   * Runs `work` in one transaction on one connection; rolls back when it throws. After a conflict it runs once more, so
   * `work` must have no effect but in the database.
   */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>
  /** Calls `onMessage` for every NOTIFY on the channel, and once after each reconnection, since some may be missed. */
  listen(channel: string, onMessage: () => void): Promise<void>
  /** Holds an advisory lock for as long as `work` runs, on the session it is given; undefined when somebody else holds it. */
  tryLock<T>(lock: number, work: (session: Queryable) => Promise<T>): Promise<T | undefined>
  close(): Promise<void>
}

export interface DatabaseOptions {
  url: string
  /** PEM file of the authority that signed the server's certificate; TLS is verified against it, and only against it. */
  caFile?: string | undefined
  maxConnections?: number
}

/** pg has no limit of its own; a statement whose outcome is unknown becomes a 503 and is replayed by its idempotency key. */
export const QUERY_TIMEOUT_MS = 10_000
const CONNECT_TIMEOUT_MS = 5_000

/** Opens a pool. Nothing connects before the first statement. */
export function openDatabase(options: DatabaseOptions): Database {
  const connection = connectionOptions(options)
  const pool = new pg.Pool({ ...connection, max: options.maxConnections ?? 10, idleTimeoutMillis: 30_000 })
  // A connection that breaks must not end the process, whether it is idle or in use: the statement that waits for it is
  // rejected all the same, and the next one gets a new connection.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const listeners: Listener[] = []

  return {
    async query<Row>(statement: Statement, values?: readonly unknown[]) {
      const client = await connect(pool)
      let broken = true
      try {
        const rows = await run<Row>(client, statement, values)
        broken = false
        return rows
      } catch (error) {
        broken = isUnavailable(error)
        throw error
      } finally {
        client.release(broken)
      }
    },
    async transaction(work) {
      try {
        return await transact(pool, work)
      } catch (error) {
        if (!isConflict(error)) throw error
        return transact(pool, work)
      }
    },
    async listen(channel, onMessage) {
      const listener = new Listener(connection, channel, onMessage)
      listeners.push(listener)
      await listener.start()
    },
    async tryLock(lock, work) {
      const client = await connect(pool)
      try {
        const [row] = await run<{ locked: boolean }>(client, TRY_LOCK, [lock])
        if (!row?.locked) return undefined
        const own: Queryable = { query: (statement, values) => run(client, statement, values) }
        return await work(own).finally(() => run(client, UNLOCK, [lock]).catch(() => {}))
      } finally {
        // Ending the session frees the lock too, whatever state it is in, but only after this has returned.
        client.release(true)
      }
    },
    async close() {
      await Promise.all(listeners.map((listener) => listener.stop()))
      await pool.end()
    },
  }
}

/** Whatever the database's default is: what is waited for under a lock must be seen once the lock is there. */
const BEGIN: Statement = { name: 'begin', text: 'BEGIN ISOLATION LEVEL READ COMMITTED' }
const COMMIT: Statement = { name: 'commit', text: 'COMMIT' }
const ROLLBACK: Statement = { name: 'rollback', text: 'ROLLBACK' }
const UNLOCK: Statement = { name: 'unlock', text: 'SELECT pg_advisory_unlock($1)', timeoutMs: 1_000 }
const TRY_LOCK: Statement = { name: 'try-lock', text: 'SELECT pg_try_advisory_lock($1) AS locked' }

/**
 * The options for `pg`, with TLS decided in code. A URL's `sslmode` would override it, so config.ts refuses that.
 * Without an authority's certificate only loopback is reachable in the clear; anything else must verify.
 */
export function connectionOptions({ url, caFile }: Pick<DatabaseOptions, 'url' | 'caFile'>): pg.ClientConfig {
  const { hostname } = new URL(url)
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'strongroom',
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

async function transact<T>(pool: pg.Pool, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const client = await connect(pool)
  let broken = false
  try {
    await run(client, BEGIN)
    const result = await work({ query: (statement, values) => run(client, statement, values) })
    await run(client, COMMIT)
    return result
  } catch (error) {
    // A connection that failed or hangs cannot roll back; PostgreSQL does it when the connection is gone.
    broken = isUnavailable(error)
    if (!broken) {
      await run(client, ROLLBACK).catch(() => {
        broken = true
      })
    }
    throw error
  } finally {
    client.release(broken)
  }
}

/** Whatever the reason, a connection that does not come about is the database being unavailable, not a bad statement. */
async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect()
  } catch (error) {
    throw unavailable(error)
  }
}

async function run<Row>(on: pg.PoolClient, statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
  try {
    const { timeoutMs = QUERY_TIMEOUT_MS, ...prepared } = statement
    const config = { ...prepared, values: [...values], query_timeout: timeoutMs }
    return (await on.query(config)).rows as Row[]
  } catch (error) {
    throw translate(error)
  }
}

const RECONNECT_MS = 500

/** One connection that waits for notifications and comes back by itself. */
class Listener {
  readonly #connection: pg.ClientConfig
  readonly #channel: string
  readonly #onMessage: () => void
  #client: pg.Client | undefined
  #stopped = false
  #retry: NodeJS.Timeout | undefined

  constructor(connection: pg.ClientConfig, channel: string, onMessage: () => void) {
    this.#connection = connection
    this.#channel = channel
    this.#onMessage = onMessage
  }

  async start(): Promise<void> {
    const client = new pg.Client(this.#connection)
    let listening = false
    // Only a connection that has listened is missed; one that never came about is reported by its rejection.
    const onLost = () => {
      if (listening) this.#reconnect(client)
    }
    client.on('notification', () => this.#onMessage())
    client.on('error', onLost)
    client.on('end', onLost)
    try {
      await client.connect()
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
