import { readFileSync } from 'node:fs'
import pg from 'pg'
import { Problem } from '../problem.ts'

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
  /** Holds a session-level advisory lock for as long as `work` runs; undefined when somebody else holds it. */
  tryLock<T>(lock: number, work: () => Promise<T>): Promise<T | undefined>
  close(): Promise<void>
}

/**
 * A statement failed for a reason of its own. Carries the SQLSTATE and the constraint, never `detail` or the message:
 * PostgreSQL quotes values in both.
 */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly sqlState: string
  readonly constraint: string | undefined

  constructor(sqlState: string, constraint: string | undefined) {
    super(`statement failed with SQLSTATE ${sqlState}${constraint ? ` on ${constraint}` : ''}`)
    this.sqlState = sqlState
    this.constraint = constraint
  }
}

/** There is no connection, or there is none any more; the message holds the system's code and nothing else. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}

/**
 * SQLSTATE class 40, a deadlock or a serialization failure: two transactions were in each other's way, this one was rolled
 * back, and trying again is right.
 */
export function isConflict(error: unknown): boolean {
  return error instanceof DatabaseError && error.sqlState.startsWith('40')
}

/** SQLSTATE 23505 of that constraint: somebody else created the same row first. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return error instanceof DatabaseError && error.sqlState === '23505' && error.constraint === constraint
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
        return await work().finally(() => run(client, UNLOCK, [lock]).catch(() => {}))
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

const BEGIN: Statement = { name: 'begin', text: 'BEGIN' }
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

/**
 * SQLSTATE classes after which trying again may help: connection, resources, operator intervention, system error.
 * A deadlock (40P01) is not among them: it has rolled back one statement, which its own caller may try again.
 */
const UNAVAILABLE = /^(08|53|57P|58|25006)/

function translate(error: unknown): Error {
  if (error instanceof pg.DatabaseError && error.code !== undefined) {
    // The message names the table and holds no value: "permission denied for table audit_events".
    if (error.message.includes('audit_events')) return new Problem('audit-unavailable', { cause: stripped(error) })
    if (UNAVAILABLE.test(error.code)) return new Problem('database-unavailable', { cause: stripped(error) })
    return stripped(error)
  }
  // No SQLSTATE: the connection failed, timed out or was lost, and the outcome is unknown.
  return unavailable(error)
}

function unavailable(error: unknown): Problem {
  const reason = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.name) : 'unknown'
  return new Problem('database-unavailable', { cause: new ConnectionError(`connection failed (${reason})`) })
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Problem && error.code === 'database-unavailable'
}

function stripped(error: pg.DatabaseError): DatabaseError {
  return new DatabaseError(error.code ?? 'XX000', error.constraint)
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
