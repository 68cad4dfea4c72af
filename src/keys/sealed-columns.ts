import type { Queryable, Statement } from '../database/database.ts'
import type { SealContext, Sealed } from './seal.ts'

/** One sealed value in the database, found by what identifies its row. */
export interface SealedValue {
  /** The row's own identification, as `replace` needs it. */
  row: Readonly<Record<string, unknown>>
  context: SealContext
  sealed: Sealed
}

/**
 * One column that holds sealed values. Together they are everything a data key has sealed, so a census over them says
 * whether a key is still needed. Each is re-sealed by compare-and-set on its key id: what was corrected or erased
 * meanwhile is left alone.
 */
export interface SealedColumn {
  name: string
  /** The purpose of the keys that seal it. */
  purpose: 'display' | 'secret'
  /** How many values stand on each key. */
  census: Statement
  /** The first `$2` values sealed under key `$1`, in the order of their rows. */
  selectFirst: Statement
  /** The same, after the row whose identity follows as `$3`, `$4` … */
  selectNext: Statement
  /** The parameters by which a row is found again. */
  identify(row: Readonly<Record<string, unknown>>): unknown[]
  /** Replaces values; only those that still stand on the old key. Answers with one row for each. */
  replace: Statement
  toValue(row: Record<string, unknown>): SealedValue
  /** The parameters of `replace`. */
  toParameters(values: readonly { value: SealedValue; fresh: Sealed }[], oldKeyId: string): unknown[]
}

interface ColumnDefinition {
  purpose: SealedColumn['purpose']
  table: string
  part: string
  /** The columns that identify a row, with their types. */
  identity: Readonly<Record<string, string>>
  /** Further columns that the context is made of. */
  described?: readonly string[]
  context(row: Record<string, unknown>): SealContext
}

function sealedColumn({ purpose, table, part, identity, described = [], context }: ColumnDefinition): SealedColumn {
  const [keyId, sealed] = [`${part}_key_id`, `${part}_sealed`]
  const names = Object.keys(identity)
  const wanted = Object.entries(identity).map(([, type], at) => `$${at + 4}::${type}[]`)
  const after = Object.values(identity).map((type, at) => `$${at + 3}::${type}`)
  const order = names.join(', ')
  const select = `SELECT ${[...new Set([...names, ...described])].join(', ')}, ${keyId} AS key_id, ${sealed} AS sealed FROM ${table}`
  const name = `${table}.${part}`
  return {
    name,
    purpose,
    census: {
      name: `census-${name}`,
      text: `SELECT ${keyId} AS key_id, count(*)::integer AS count FROM ${table} WHERE ${keyId} IS NOT NULL GROUP BY 1`,
    },
    selectFirst: {
      name: `reseal-first-${name}`,
      text: `${select} WHERE ${keyId} = $1 ORDER BY ${order} LIMIT $2`,
    },
    selectNext: {
      name: `reseal-next-${name}`,
      text: `${select} WHERE ${keyId} = $1 AND (${order}) > (${after.join(', ')}) ORDER BY ${order} LIMIT $2`,
    },
    identify: (row) => names.map((column) => row[column]),
    replace: {
      name: `reseal-replace-${name}`,
      text: `UPDATE ${table} t SET ${keyId} = n.key_id, ${sealed} = n.sealed
             FROM unnest($2::text[], $3::bytea[], ${wanted.join(', ')}) AS n (key_id, sealed, ${names.join(', ')})
             WHERE t.${keyId} = $1 AND ${names.map((column) => `t.${column} = n.${column}`).join(' AND ')}
             RETURNING true`,
    },
    toValue: (row) => ({
      row,
      context: context(row),
      sealed: { keyId: row.key_id as string, bytes: row.sealed as Buffer },
    }),
    toParameters: (values, oldKeyId) => [
      oldKeyId,
      values.map(({ fresh }) => fresh.keyId),
      values.map(({ fresh }) => fresh.bytes),
      ...names.map((column) => values.map(({ value }) => value.row[column])),
    ],
  }
}

const partContext = (part: string) => (row: Record<string, unknown>) => ({
  site: row.site as string,
  kind: row.kind as string,
  token: row.token as string,
  part,
  version: row.version as number,
})

/** The version stands in the identity of a record: a correction made meanwhile must not be overwritten. */
const RECORD = { token: 'text', version: 'integer' }
const PLACE = ['kind', 'site']

/** Everything that data keys seal, by the purpose of the key. */
export const sealedColumns: Readonly<Record<'display' | 'secret', readonly SealedColumn[]>> = {
  display: [
    sealedColumn({
      purpose: 'display',
      table: 'records',
      part: 'display',
      identity: RECORD,
      described: PLACE,
      context: partContext('display'),
    }),
    sealedColumn({
      purpose: 'display',
      table: 'record_versions',
      part: 'display',
      identity: RECORD,
      described: PLACE,
      context: partContext('display'),
    }),
    sealedColumn({
      purpose: 'display',
      table: 'idempotency_keys',
      part: 'response',
      identity: { key_hash: 'bytea' },
      context: (row) => answerContext(row.key_hash as Buffer),
    }),
    sealedColumn({
      purpose: 'display',
      table: 'reveal_reasons',
      part: 'reason',
      identity: { event: 'text' },
      context: (row) => reasonContext(row.event as string),
    }),
  ],
  secret: [
    sealedColumn({
      purpose: 'secret',
      table: 'records',
      part: 'secret',
      identity: RECORD,
      described: PLACE,
      context: partContext('secret'),
    }),
    sealedColumn({
      purpose: 'secret',
      table: 'record_versions',
      part: 'secret',
      identity: RECORD,
      described: PLACE,
      context: partContext('secret'),
    }),
  ],
}

/** What a kept answer is bound to. The row's key is the hash, which names caller and key. */
export function answerContext(keyHash: Buffer): SealContext {
  return { site: '', kind: 'idempotency', token: keyHash.toString('hex'), part: 'response', version: 1 }
}

/** What a sealed reason is bound to: its event. */
export function reasonContext(event: string): SealContext {
  return { site: '', kind: 'reason', token: event, part: 'reason', version: 1 }
}

/** How many sealed values stand on each key: over all columns, or in those that are named. */
export async function takeCensus(db: Queryable, only?: readonly string[]): Promise<Map<string, number>> {
  const columns = Object.values(sealedColumns)
    .flat()
    .filter(({ name }) => only?.includes(name) ?? true)
  const counts = await Promise.all(columns.map((column) => db.query<{ key_id: string; count: number }>(column.census)))
  const census = new Map<string, number>()
  for (const { key_id, count } of counts.flat()) census.set(key_id, (census.get(key_id) ?? 0) + count)
  return census
}
