import type { TestDatabase } from './postgres.ts'

/** The lock of `src/audit/keep-log.ts`: its holder puts events into the log. */
export const LOG_LOCK = 0x7374_7207

/** Ends the session that puts events into the log, wherever it is in its work. */
export const END_LOG_KEEPER = `SELECT pg_terminate_backend(pid) AS ended FROM pg_locks
  WHERE locktype = 'advisory' AND granted AND objid = ${LOG_LOCK}
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

/** No process puts events into the log until the function in the answer is called. */
export function holdLog(database: TestDatabase): Promise<() => Promise<void>> {
  return database.hold(`${END_LOG_KEEPER}; SELECT pg_advisory_xact_lock(${LOG_LOCK})`)
}
