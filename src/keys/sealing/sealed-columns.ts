import type { Queryable, Statement } from '../../database/database.ts'
import { numberOf, spellOut } from '../../database/lean-rows.ts'
import { answerFacts, keptVersionFacts, recordFacts } from './row-facts.ts'
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
  /** How many rows stand on each key, or on each pair of keys. One reading of the table. */
  census: Statement
  /** How many values of each part stand on one. */
  censusOfOne: Statement
  /** The primary key: its columns with their types, in its order. */
  identity: Readonly<Record<string, ColumnType>>
  /** What must not have changed between reading a row and replacing its values, beside the keys that they stand on. */
  unchanged: Readonly<Record<string, ColumnType>>
  /** Further columns, by the names that the table has for them, that a context is made of. */
  described: readonly string[]
  context(row: Row, part: string): SealContext
}

export type ColumnType = 'text' | 'bytea' | 'integer' | 'uuid'

interface TableDefinition extends Pick<SealedTable, 'identity' | 'context'> {
  parts: Readonly<Record<string, DataPurpose>>
  unchanged?: SealedTable['unchanged']
  described?: readonly string[]
}

function sealedTable(name: string, definition: TableDefinition): SealedTable {
  const { parts, identity, unchanged = {}, described = [], context } = definition
  const columns = Object.entries(parts).map(([part, purpose]) => ({ name: `${name}.${part}`, purpose, part }))
  const keys = columns.map(({ part }) => `${part}_key`)
  const counts = columns.map(({ part }) => `count(*) FILTER (WHERE ${part}_key = $1)::integer AS ${part}`)
  return {
    ...{ name, columns, identity, unchanged, described, context },
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
    identity: { token: 'uuid' },
    // A correction made meanwhile must not be overwritten.
    unchanged: { version: 'integer' },
    described: [...PLACE, 'policy', 'consents', 'created_at', 'updated_at'],
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
    identity: { token: 'uuid', version: 'integer' },
    described: [...PLACE, 'replaced_at'],
    context: (row, part) => ({ ...placeOf(row, part), facts: keptVersionFacts(row.replaced_at as Date) }),
  }),
  sealedTable('idempotency_keys', {
    parts: { response: 'display' },
    identity: { key_hash: 'bytea' },
    described: ['request_hash', 'index_key', 'expires_at'],
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

const PURPOSES: ReadonlyMap<string, DataPurpose> = new Map(
  sealedTables.flatMap(({ columns }) => columns.map(({ part, purpose }) => [part, purpose])),
)

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

/** How many values of a column stand on a key. */
export interface SealedCount {
  column: SealedColumn
  keyId: string
  count: number
}

/** How many sealed values stand on each key. Each table is read once, one after the other: it may be in a transaction. */
export async function takeCensus(db: Queryable, tables = sealedTables): Promise<SealedCount[]> {
  const found: SealedCount[] = []
  for (const { census, columns } of tables) {
    const rows = await spellOut<Row & { count: number }>(db, await db.query(census))
    for (const column of columns) {
      const counts = rows.flatMap(({ count, ...row }) => {
        const keyId = row[`${column.part}_key_id`] as string | null
        return keyId === null ? [] : { keyId, count }
      })
      for (const [keyId, count] of sumByKey(counts)) found.push({ column, keyId, count })
    }
  }
  return found
}

/** The same without the columns. */
export function sumByKey(counts: readonly Pick<SealedCount, 'keyId' | 'count'>[]): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { keyId, count } of counts) sums.set(keyId, (sums.get(keyId) ?? 0) + count)
  return sums
}

/** How many sealed values stand on one key, by the column. */
export async function takeCensusOf(db: Queryable, keyId: string): Promise<Map<string, number>> {
  const key = await numberOf(db, 'key', keyId)
  const found = new Map<string, number>()
  for (const { censusOfOne, columns } of sealedTables) {
    const [row] = await db.query<Record<string, number>>(censusOfOne, [key])
    for (const { name, part } of columns) found.set(name, row?.[part] ?? 0)
  }
  return found
}
