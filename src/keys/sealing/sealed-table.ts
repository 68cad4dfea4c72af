import type { Statement } from '../../database/database.ts'
import type { SealContext } from './seal-context.ts'

/** For a statement that reads a whole table, however large, and that no request waits for. */
export const CENSUS_TIMEOUT_MS = 30 * 60_000

export type DataPurpose = 'display' | 'secret'

/** One column that holds sealed values, beside it the id of the key that sealed each. */
export interface SealedColumn {
  /** `table.part` */
  name: string
  /** The purpose of the keys that seal it. */
  purpose: DataPurpose
  /**
   * The part of the context that the column holds; `<part>_key` and `<part>_sealed` are its columns. A row that is spelt out has
   * the id of the key in `<part>_key_id`.
   */
  part: string
}

/** A row, spelt out (`database/lean-rows.ts`). */
export type Row = Readonly<Record<string, unknown>>

/** One table with sealed values in it, one or more a row. */
export interface SealedTable {
  name: string
  columns: readonly SealedColumn[]
  /** How many rows each key has, or each pair of keys. One reading of the table. */
  census: Statement
  /** How many values of each part a key has. */
  censusOfOne: Statement
  /** The primary key: its columns with their types, in its order. */
  identity: Readonly<Record<string, ColumnType>>
  /** What must not have changed between reading a row and replacing its values, beside their keys. */
  unchanged: Readonly<Record<string, ColumnType>>
  /** Further columns, by the names that the table has for them, that a context is made of. */
  described: readonly string[]
  /** Whether each row is a record. `keys status` counts those by themselves, and a vault that has one is not new. */
  holdsRecords: boolean
  context(row: Row, part: string): SealContext
}

export type ColumnType = 'text' | 'bytea' | 'integer' | 'uuid'

interface TableDefinition extends Pick<SealedTable, 'identity' | 'context'> {
  /** The parts that the table holds, and the purpose of the keys that seal each. */
  parts: Readonly<Record<string, DataPurpose>>
  unchanged?: SealedTable['unchanged']
  described?: readonly string[]
  holdsRecords?: boolean
}

/** Declares a table with sealed values. The noun that owns the table does so, and the vault hands it to its keys. */
export function sealedTable(name: string, definition: TableDefinition): SealedTable {
  const { parts, identity, unchanged = {}, described = [], holdsRecords = false, context } = definition
  const columns = Object.entries(parts).map(([part, purpose]) => ({ name: `${name}.${part}`, purpose, part }))
  const keys = columns.map(({ part }) => `${part}_key`)
  const counts = columns.map(({ part }) => `count(*) FILTER (WHERE ${part}_key = $1)::integer AS ${part}`)
  return {
    name,
    columns,
    identity,
    unchanged,
    described,
    holdsRecords,
    context,
    census: {
      name: `census-${name}`,
      text: `SELECT ${keys.join(', ')}, count(*)::integer AS count FROM ${name} GROUP BY ${keys.join(', ')}`,
      timeoutMs: CENSUS_TIMEOUT_MS,
    },
    censusOfOne: {
      name: `census-of-one-${name}`,
      text: `SELECT ${counts.join(', ')} FROM ${name} WHERE $1 IN (${keys.join(', ')})`,
      timeoutMs: CENSUS_TIMEOUT_MS,
    },
  }
}

/**
 * The purpose of the keys that seal each part, in whichever table.
 *
 * @throws {Error} when two tables have a part of one name under keys of two purposes
 */
export function purposesOfParts(tables: readonly SealedTable[]): ReadonlyMap<string, DataPurpose> {
  const purposes = new Map<string, DataPurpose>()
  for (const { part, purpose } of tables.flatMap(({ columns }) => columns)) {
    if ((purposes.get(part) ?? purpose) !== purpose) throw new Error(`${part} has keys of two purposes`)
    purposes.set(part, purpose)
  }
  return purposes
}
