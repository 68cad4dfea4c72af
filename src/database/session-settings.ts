import type { ClientBase } from 'pg'

export interface SettingsOptions {
  /** The schema of the vault's tables, as it is named in PostgreSQL's catalog. */
  schema: string
  /** Whether statements may take as long as they need, as those of a migration do. */
  isPatient?: boolean
  /** How long a statement waits for a lock, in milliseconds. Default: `LOCK_TIMEOUT_MS`. */
  lockTimeoutMs?: number | undefined
  /** How long a statement may take, in milliseconds. Default: `QUERY_TIMEOUT_MS`. */
  queryTimeoutMs?: number | undefined
}

/** How long the client waits for the answer of a statement, unless the statement says otherwise. */
export const QUERY_TIMEOUT_MS = 10_000

/** How much earlier than the client the server gives up: its answer still arrives, and the session stays usable. */
export const SERVER_IS_EARLIER_MS = 500

/** Longer than `deadlock_timeout` is by default, so that a deadlock is still found first. */
export const LOCK_TIMEOUT_MS = 1_500

/** For locks that are kept during calls to others, such as a KMS: as long as the client waits. */
export const PATIENT_LOCK_TIMEOUT_MS = QUERY_TIMEOUT_MS

/** A stopped process continues within seconds; one that is gone must not hold its locks for longer. */
const IDLE_IN_TRANSACTION_MS = 60_000

/** How often the server looks, while it works on a statement, whether the client is still there. */
const CONNECTION_CHECK_MS = 5_000

/** A peer that is silent for this long is probed, and is given up after three missed probes. */
export const KEEPALIVE_IDLE_MS = 30_000
const KEEPALIVE_INTERVAL_MS = 10_000
const KEEPALIVE_PROBES = 3

/** This is a statement of its own, because the database's own limit may be too short for the second one. */
const WITHOUT_LIMIT = 'SET statement_timeout = 0'

/**
 * Takes the settings that this version of PostgreSQL has; on Windows it cannot look for its clients. Every name is qualified:
 * the search path is not ours yet. Each setting is asked for by its name: the view `pg_settings` describes all of them first.
 */
const APPLY = `
  SELECT pg_catalog.set_config(w.name, w.value, false)
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS w (name, value)
  WHERE pg_catalog.current_setting(w.name, true) IS NOT NULL
    AND (w.name OPERATOR(pg_catalog.<>) 'client_connection_check_interval'
      OR pg_catalog.version() OPERATOR(pg_catalog.!~*) 'mingw|msvc|visual c')`

/**
 * Gives a new session every setting that the vault relies on, over the defaults of server, database and role. Decisions
 * of the operator about durability or read-only access stay: `doctor` judges them.
 *
 * @param timeoutMs how long each of the two statements may take
 */
export async function applySettings(
  client: Pick<ClientBase, 'query'>,
  options: SettingsOptions,
  timeoutMs: number,
): Promise<void> {
  const settings = Object.entries(settingsFor(options))
  const values = [settings.map(([name]) => name), settings.map(([, value]) => value)]
  const limit = { query_timeout: timeoutMs }
  await client.query({ text: WITHOUT_LIMIT, ...limit })
  await client.query({ text: APPLY, values, ...limit })
}

/** By the names that pg_settings has. */
export function settingsFor({
  schema,
  isPatient = false,
  lockTimeoutMs = LOCK_TIMEOUT_MS,
  queryTimeoutMs = QUERY_TIMEOUT_MS,
}: SettingsOptions): Record<string, string> {
  return {
    // The form of values in text.
    DateStyle: 'ISO, MDY',
    IntervalStyle: 'postgres',
    TimeZone: 'UTC',
    client_encoding: 'UTF8',
    bytea_output: 'hex',
    extra_float_digits: '1',
    array_nulls: 'on',
    quote_all_identifiers: 'off',
    // What statements mean.
    search_path: searchPathOf(schema),
    standard_conforming_strings: 'on',
    transform_null_equals: 'off',
    default_transaction_isolation: 'read committed',
    default_transaction_deferrable: 'off',
    // How long they may take. 0 is without a limit.
    statement_timeout: isPatient ? '0' : String(queryTimeoutMs - SERVER_IS_EARLIER_MS),
    lock_timeout: isPatient ? '0' : String(lockTimeoutMs),
    idle_in_transaction_session_timeout: isPatient ? '0' : String(IDLE_IN_TRANSACTION_MS),
    idle_session_timeout: '0',
    transaction_timeout: '0',
    // How soon the server notices that a client is gone.
    client_connection_check_interval: String(CONNECTION_CHECK_MS),
    tcp_keepalives_idle: String(KEEPALIVE_IDLE_MS / 1_000),
    tcp_keepalives_interval: String(KEEPALIVE_INTERVAL_MS / 1_000),
    tcp_keepalives_count: String(KEEPALIVE_PROBES),
  }
}

/**
 * PostgreSQL searches pg_catalog first unless the path names it, and a session's temporary tables first unless the path
 * names them: so they come last, and cannot take the place of the vault's.
 */
function searchPathOf(schema: string): string {
  return `${quoteIdentifier(schema)}, pg_temp`
}

/** A name as SQL writes it. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
