import type { Queryable, Statement } from '../../database/database.ts'
import { CENSUS_TIMEOUT_MS } from './sealed-table.ts'

/** Values that are found by a hash under an index key, and are lost with that key. */
export interface HashedColumn {
  /** As the references of a key name it: `table` or `table.column`. */
  name: string
  table: string
  /** How many values reference each key. Its parameter is the present time, if the values expire. */
  census: Statement
  /** How many reference one: its parameters are the key's number and, if they expire, the present time. */
  censusOfOne: Statement
  /** A sentence that says what the values are and when they expire. Undefined for values that a rotation moves. */
  expires: string | undefined
  /** For a table that has a partition for each index key. */
  partitions: KeyPartitions | undefined
}

/** The partitions of a table that keeps the values under each index key apart. The noun that owns the table has them. */
export interface KeyPartitions {
  /** Makes the partition of a key, unless there is one. */
  make(tx: Queryable, keyId: string): Promise<void>
  /** Those of the keys that have a partition. */
  select(db: Queryable, keyIds: readonly string[]): Promise<string[]>
  /** Drops the partition of a key if it holds no value. Answers false if it holds one, or a reader takes too long. */
  drop(db: Queryable, keyId: string): Promise<boolean>
}

interface HashedColumnDefinition {
  table: string
  /** The column with the number of the key. */
  key: string
  expiry?: { column: string; sentence: string }
  partitions?: KeyPartitions
}

/** Declares such a column. The noun that owns the table does so, and the vault hands it to its keys. */
export function hashedColumn(name: string, { table, key, expiry, partitions }: HashedColumnDefinition): HashedColumn {
  const alive = (at: number) => (expiry === undefined ? [] : [`${expiry.column} > $${at}`])
  const count = 'count(*)::float8 AS count'
  const all = ['true', ...alive(1)].join(' AND ')
  const ofOne = [`${key} = $1`, ...alive(2)].join(' AND ')
  return {
    name,
    table,
    census: {
      name: `count-references-${name}`,
      text: `SELECT ${key} AS key, ${count} FROM ${table} WHERE ${all} GROUP BY 1`,
      timeoutMs: CENSUS_TIMEOUT_MS,
    },
    censusOfOne: {
      name: `count-references-of-one-${name}`,
      text: `SELECT ${count} FROM ${table} WHERE ${ofOne}`,
      timeoutMs: CENSUS_TIMEOUT_MS,
    },
    expires: expiry?.sentence,
    partitions,
  }
}
