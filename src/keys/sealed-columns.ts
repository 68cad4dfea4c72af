import type { Queryable, Statement } from '../database/database.ts'
import { answerFacts, keptVersionFacts, recordFacts } from './row-facts.ts'
import type { SealContext } from './seal.ts'

/** For a statement that reads a whole table, however large, and that no request waits for. */
export const CENSUS_TIMEOUT_MS = 30 * 60_000

export type DataPurpose = 'display' | 'secret'

/** One column that holds sealed values, beside it the id of the key that sealed each. */
export interface SealedColumn {
  /** `table.part` */
  name: string
  /** The purpose of the keys that seal it. */
  purpose: DataPurpose
  /** The part of the context that the column holds; `<part>_key_id` and `<part>_sealed` are its columns. */
  part: string
  /** How many values stand on each key. */
  census: Statement
  /** How many stand on one: by the index, so that none are found at once. */
  censusOfOne: Statement
}

/** A row as it was read, by the names of its columns. */
export type Row = Readonly<Record<string, unknown>>

/** One table with sealed values in it, one or more a row. */
export interface SealedTable {
  name: string
  columns: readonly SealedColumn[]
  /** The primary key: its columns with their types, in its order. */
  identity: Readonly<Record<string, ColumnType>>
  /** What must not have changed between reading a row and replacing its values, beside the keys that they stand on. */
  unchanged: Readonly<Record<string, ColumnType>>
  /** Further columns that a context is made of. */
  described: readonly string[]
  context(row: Row, part: string): SealContext
}

export type ColumnType = 'text' | 'bytea' | 'integer'

interface TableDefinition extends Pick<SealedTable, 'identity' | 'context'> {
  parts: Readonly<Record<string, DataPurpose>>
  unchanged?: SealedTable['unchanged']
  described?: readonly string[]
}

function sealedTable(name: string, definition: TableDefinition): SealedTable {
  const { parts, identity, unchanged = {}, described = [], context } = definition
  const columns = Object.entries(parts).map(([part, purpose]) => ({
    name: `${name}.${part}`,
    purpose,
    part,
    census: {
      name: `census-${name}.${part}`,
      text: `SELECT ${part}_key_id AS key_id, count(*)::integer AS count FROM ${name} WHERE ${part}_key_id IS NOT NULL GROUP BY 1`,
      timeoutMs: CENSUS_TIMEOUT_MS,
    },
    censusOfOne: {
      name: `census-of-one-${name}.${part}`,
      text: `SELECT count(*)::integer AS count FROM ${name} WHERE ${part}_key_id = $1`,
      timeoutMs: CENSUS_TIMEOUT_MS,
    },
  }))
  return { name, columns, identity, unchanged, described, context }
}

const PLACE = ['kind', 'site']

const placeOf = (row: Row, part: string): SealContext => ({
  site: row.site as string,
  kind: row.kind as string,
  token: row.token as string,
  part,
  version: row.version as number,
})

/** Everything that data keys seal; a census over it says whether a key is still needed. */
export const sealedTables: readonly SealedTable[] = [
  sealedTable('records', {
    parts: { display: 'display', secret: 'secret' },
    identity: { token: 'text' },
    // A correction made meanwhile must not be overwritten.
    unchanged: { version: 'integer' },
    described: [...PLACE, 'policy_version', 'consents', 'created_at', 'updated_at'],
    context: (row, part) => ({
      ...placeOf(row, part),
      facts: recordFacts({
        consents: row.consents as string[],
        policyVersion: (row.policy_version as string | null) ?? undefined,
        createdAt: row.created_at as Date,
        updatedAt: row.updated_at as Date,
      }),
    }),
  }),
  sealedTable('record_versions', {
    parts: { display: 'display', secret: 'secret' },
    identity: { token: 'text', version: 'integer' },
    described: [...PLACE, 'replaced_at'],
    context: (row, part) => ({ ...placeOf(row, part), facts: keptVersionFacts(row.replaced_at as Date) }),
  }),
  sealedTable('idempotency_keys', {
    parts: { response: 'display' },
    identity: { key_hash: 'bytea' },
    described: ['request_hash', 'index_key_id', 'expires_at'],
    context: (row) =>
      answerContext({
        keyHash: row.key_hash as Buffer,
        requestHash: row.request_hash as Buffer,
        indexKeyId: row.index_key_id as string,
        expiresAt: row.expires_at as Date,
      }),
  }),
  sealedTable('reveal_reasons', {
    parts: { reason: 'display' },
    identity: { event: 'text' },
    context: (row) => reasonContext(row.event as string),
  }),
]

/** Every column of every table that holds sealed values. */
export const sealedColumns: readonly SealedColumn[] = sealedTables.flatMap(({ columns }) => columns)

const PURPOSES: ReadonlyMap<string, DataPurpose> = new Map(sealedColumns.map(({ part, purpose }) => [part, purpose]))

/** The purpose of the keys that seal that part, in whichever table. Undefined for what no data key seals. */
export function purposeOfPart(part: string): DataPurpose | undefined {
  return PURPOSES.get(part)
}

/** What a kept answer is bound to. The row's key is the hash, which names caller and key. */
export function answerContext(row: { keyHash: Buffer } & Parameters<typeof answerFacts>[0]): SealContext {
  const token = row.keyHash.toString('hex')
  return { site: '', kind: 'idempotency', token, part: 'response', version: 1, facts: answerFacts(row) }
}

/** What a sealed reason is bound to: its event. */
export function reasonContext(event: string): SealContext {
  return { site: '', kind: 'reason', token: event, part: 'reason', version: 1 }
}

/** How many sealed values stand on each key: over all columns, or in those that are named. */
export async function takeCensus(db: Queryable, only?: readonly string[]): Promise<Map<string, number>> {
  const columns = sealedColumns.filter(({ name }) => only?.includes(name) ?? true)
  const counts = await Promise.all(columns.map((column) => db.query<{ key_id: string; count: number }>(column.census)))
  const census = new Map<string, number>()
  for (const { key_id, count } of counts.flat()) census.set(key_id, (census.get(key_id) ?? 0) + count)
  return census
}
