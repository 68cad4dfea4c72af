import { readableSchemaSql } from './readable-schema.ts'

type Sql = <Row>(text: string) => Promise<Row[]>

/** The first half of each hash is what is stored of it now. */
const HALF_TERMS = `coalesce((SELECT string_agg(substr(terms, 1 + 32 * at, 16), ''::bytea ORDER BY at)
  FROM generate_series(0, length(terms) / 32 - 1) AS at), ''::bytea)`

/** Columns that say less than they did once terms are stored shorter, as what they say then. */
const SHORTER: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  records: { terms: HALF_TERMS },
  search_terms: { term: 'substr(term, 1, 16)' },
}

/** Of each table so many rows are compared: what names them is translated one by one. */
const SHARE = 0.03

/** Keeps the rows of tables as they are, before they are migrated. */
export async function keepRows(sql: Sql, tables: readonly string[]): Promise<void> {
  await sql('CREATE SCHEMA kept; DROP SCHEMA IF EXISTS readable CASCADE')
  for (const table of tables) await sql(`CREATE UNLOGGED TABLE kept.${table} AS TABLE ${table}`)
}

/**
 * Compares a sample of the rows of those tables, drawn by chance, with what was kept, column by column, as the API shows what
 * they hold. Answers with how many were compared and how many differ, by table; what was kept is gone afterwards.
 */
export async function compareRows(
  sql: Sql,
  tables: readonly string[],
): Promise<Record<string, { compared: number; differing: number }>> {
  await sql(readableSchemaSql())
  const [shorter] = await sql(`SELECT WHERE to_regclass('readable.search_terms') IS NOT NULL`)
  const results: Record<string, { compared: number; differing: number }> = {}
  for (const table of tables) {
    const columns = await sql<{ name: string }>(
      `SELECT quote_ident(attname) AS name FROM pg_attribute WHERE attrelid = 'kept.${table}'::regclass AND attnum > 0 ORDER BY attnum`,
    )
    const names = columns.map(({ name }) => name)
    const before = names.map((name) => (shorter && SHORTER[table]?.[name]) ?? name)
    const [isReadable] = await sql(`SELECT WHERE to_regclass('readable.${table}') IS NOT NULL`)
    const [row] = await sql<{ compared: number; differing: number }>(
      `WITH now AS MATERIALIZED (SELECT ${names} FROM ${isReadable ? 'readable' : 'public'}.${table} WHERE random() < ${SHARE})
       SELECT (SELECT count(*) FROM now)::integer AS compared,
              (SELECT count(*) FROM (SELECT * FROM now EXCEPT SELECT ${before} FROM kept.${table}) AS d)::integer AS differing`,
    )
    results[table] = row!
  }
  await sql('DROP SCHEMA kept CASCADE; DROP SCHEMA readable CASCADE')
  return results
}
