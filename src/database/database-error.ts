import pg from 'pg'
import { Problem } from '../values/problem.ts'
import { VaultError } from '../values/vault-error.ts'

/**
 * A statement failed for a reason of its own. Carries the SQLSTATE, the constraint and the table, never `detail` or the message:
 * PostgreSQL quotes values in both.
 */
export class DatabaseError extends VaultError {
  override readonly name = 'DatabaseError'
  readonly sqlState: string
  readonly constraint: string | undefined
  readonly table: string | undefined

  constructor(sqlState: string, constraint: string | undefined, table?: string) {
    super(`statement failed with SQLSTATE ${sqlState}${constraint ? ` on ${constraint}` : ''}`)
    this.sqlState = sqlState
    this.constraint = constraint
    this.table = table
  }
}

/** There is no connection; the message holds only the system's code. */
class ConnectionError extends VaultError {
  override readonly name = 'ConnectionError'
}

/**
 * SQLSTATE class 40, a deadlock or a serialization failure: two transactions were in conflict, this one was rolled
 * back, and it can be tried again.
 */
export function isConflict(error: unknown): boolean {
  return error instanceof DatabaseError && error.sqlState.startsWith('40')
}

/** SQLSTATE 23505 of that constraint: another session created the same row first. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return error instanceof DatabaseError && error.sqlState === '23505' && error.constraint === constraint
}

/** SQLSTATE 23514 of that constraint: the database refuses the form of the row. */
export function isCheckViolation(error: unknown, constraint: string): boolean {
  return error instanceof DatabaseError && error.sqlState === '23514' && error.constraint === constraint
}

/** SQLSTATE 23514 of a table, and of no constraint: none of its partitions takes the row. */
export function isWithoutPartition(error: unknown, table: string): boolean {
  return (
    error instanceof DatabaseError &&
    error.sqlState === '23514' &&
    error.constraint === undefined &&
    error.table === table
  )
}

/** SQLSTATE lock_not_available: the statement has waited for a lock as long as it may. */
const LOCK_TIMEOUT = '55P03'
/** SQLSTATE query_canceled: the server has ended the statement for its time. */
const STATEMENT_TIMEOUT = '57014'

/** Whether a statement has waited for a lock as long as it may. Nothing of it was committed. */
export function isLockTimeout(error: unknown): boolean {
  return isBusyWith(error, LOCK_TIMEOUT)
}

/**
 * Whether the server has ended a statement because it took too long. A commit that waits for a standby is not ended in
 * this way.
 */
export function isStatementTimeout(error: unknown): boolean {
  return isBusyWith(error, STATEMENT_TIMEOUT)
}

function isBusyWith(error: unknown, sqlState: string): boolean {
  return error instanceof Problem && error.cause instanceof DatabaseError && error.cause.sqlState === sqlState
}

/**
 * SQLSTATE classes after which trying again may help: connection, resources, operator intervention, system error.
 * A deadlock (40P01) is not among them: it has rolled back one statement, which its own caller may try again. A
 * transaction that was idle for too long (25P03) is.
 */
const UNAVAILABLE = /^(08|53|57P|58|25006|25P03)/

/** SQLSTATE disk_full. Its message names a file and no table, and every write is an event or comes with one. */
const DISK_FULL = '53100'

/** The meaning of a failure of `pg` for the caller. */
export function translate(error: unknown): Error {
  if (error instanceof pg.DatabaseError && error.code !== undefined) {
    // The message names the table and holds no value: "permission denied for table audit_events".
    if (error.message.includes('audit_events') || error.code === DISK_FULL) {
      return new Problem('audit-unavailable', { cause: stripped(error) })
    }
    // The server has answered in time, so the session can be used again, and nothing was committed.
    if (error.code === LOCK_TIMEOUT || error.code === STATEMENT_TIMEOUT) {
      return new Problem('busy', { cause: stripped(error) })
    }
    if (UNAVAILABLE.test(error.code)) return new Problem('database-unavailable', { cause: stripped(error) })
    return stripped(error)
  }
  // No SQLSTATE: the connection failed, timed out or was lost, and the outcome is unknown.
  return unavailable(error)
}

/** There is no connection. */
export function unavailable(error: unknown): Problem {
  const reason = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.name) : 'unknown'
  return new Problem('database-unavailable', { cause: new ConnectionError(`connection failed (${reason})`) })
}

export function isUnavailable(error: unknown): boolean {
  return error instanceof Problem && error.code === 'database-unavailable'
}

function stripped(error: pg.DatabaseError): DatabaseError {
  return new DatabaseError(error.code ?? 'XX000', error.constraint, error.table)
}
