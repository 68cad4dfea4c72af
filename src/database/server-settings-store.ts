import type { Queryable, Statement } from './database.ts'

/** A setting of the server, as a session without a value of its own has it. */
export interface ServerSetting {
  name: string
  /** As it is shown, with its unit. */
  shown: string
  /** A size in bytes, any other number as it is, a switch as 1 or 0; null for other texts. */
  value: number | null
}

const SELECT_SETTINGS: Statement = {
  name: 'select-server-settings',
  text: `SELECT name, current_setting(name) AS shown,
           CASE WHEN unit IN ('B', 'kB', '8kB', 'MB') THEN pg_size_bytes(current_setting(name))::float8
                WHEN vartype IN ('integer', 'real') THEN setting::float8
                WHEN vartype = 'bool' THEN CASE setting WHEN 'on' THEN 1 ELSE 0 END END AS value
         FROM pg_settings WHERE name = ANY ($1::text[])`,
}

/** Those of the settings that this version of PostgreSQL has. */
export function selectSettings(db: Queryable, names: readonly string[]): Promise<ServerSetting[]> {
  return db.query(SELECT_SETTINGS, [names])
}

/** How autovacuum treats a table, or a partition of one. */
export interface TableVacuum {
  table: string
  /** The table, or the table whose partition it is. */
  whole: string
  isOn: boolean
  /** The share of rows that are dead before it is vacuumed. */
  scaleFactor: number
}

const SELECT_VACUUM: Statement = {
  name: 'select-table-vacuum',
  text: `SELECT c.relname AS table, coalesce(p.relname, c.relname) AS whole,
           coalesce((SELECT option_value::boolean FROM pg_options_to_table(c.reloptions)
                     WHERE option_name = 'autovacuum_enabled'), true) AS "isOn",
           coalesce((SELECT option_value::float8 FROM pg_options_to_table(c.reloptions)
                     WHERE option_name = 'autovacuum_vacuum_scale_factor'),
                    current_setting('autovacuum_vacuum_scale_factor')::float8) AS "scaleFactor"
         FROM pg_class c LEFT JOIN pg_inherits ON inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = inhparent
         WHERE c.relkind = 'r' AND coalesce(p.oid, c.oid) = ANY ($1::text[]::regclass[]) ORDER BY 1`,
}

export function selectTableVacuum(db: Queryable, tables: readonly string[]): Promise<TableVacuum[]> {
  return db.query(SELECT_VACUUM, [tables])
}
