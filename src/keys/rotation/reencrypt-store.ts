import { byteaArray, integerArray, smallintArray, textArray } from '../../database/binary-array.ts'
import { type BuiltStatement, buildStatement, type ParameterTypes } from '../../database/build-statement.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { smallNumbers, spellOut } from '../../database/lean-rows.ts'
import type { ColumnType, Row, SealedTable } from '../sealing/sealed-table.ts'
import { pagesOf, stretchAt, takeTurns } from './heap-order.ts'
import type { KeyCounts, Page } from './reencryption-target.ts'

const ENCODERS: Readonly<Record<ColumnType, (values: never[]) => Buffer>> = {
  text: textArray,
  bytea: byteaArray,
  integer: integerArray,
  uuid: idArray,
}

/**
 * Adds to what was moved off each old key, in the statement that moves it, so that the count is exact however the
 * process ends. `moved` is a query with one column `key_id` and one row for each value.
 */
export function countMovedSql(moved: string): string {
  return `per_key AS (SELECT key_id, count(*)::integer AS count FROM (${moved}) m WHERE key_id IS NOT NULL GROUP BY key_id),
    counted AS (
      INSERT INTO key_retirements AS k (key_id, moved) SELECT key_id, count FROM per_key
      ON CONFLICT (key_id) DO UPDATE SET moved = k.moved + excluded.moved)
    SELECT key_id, count FROM per_key`
}

/** The columns of a part, and the name of its former key in the parameters. */
export function partNames(part: string): Readonly<Record<'keyId' | 'sealed' | 'oldKeyId', string>> {
  return { keyId: `${part}_key_id`, sealed: `${part}_sealed`, oldKeyId: `${part}_old_key_id` }
}

/** The statements that walk over one table of sealed values and replace them. */
export interface ReencryptStatements {
  readPage(db: Queryable, oldKeys: readonly string[], rows: number, after: Page['next']): Promise<Page>
  write(db: Queryable, fresh: readonly Row[]): Promise<KeyCounts>
}

export function createReencryptStatements(table: SealedTable): ReencryptStatements {
  const read = readStatement(table)
  const { statement, compared } = writeStatement(table)
  const parts = table.columns.map(({ part }) => ({ part, ...partNames(part) }))
  return {
    async readPage(db, oldKeys, pages, after) {
      const { from, to, end } = stretchAt(after, pages)
      const keys = await smallNumbers(db, 'key', oldKeys)
      const found = await db.query<Row & { pages: number }>(read, [keys, from, to])
      const isLast = end >= found[0]!.pages
      const rows = found.filter(({ place }) => place !== null)
      return {
        rows: takeTurns(await spellOut<Row>(db, rows), 'place'),
        next: isLast ? undefined : [end],
      }
    },
    async write(db, fresh) {
      const column = <T>(name: string) => fresh.map((row) => (row[name] ?? null) as T)
      const ids = parts.flatMap(({ keyId, oldKeyId }) => [
        ...column<string | null>(keyId),
        ...column<string | null>(oldKeyId),
      ])
      const keyOf = await db.dictionary.ids('key', ids)
      const keys = (name: string) => smallintArray(column<string | null>(name).map((id) => keyOf(id)))
      const left = [...new Set(parts.flatMap(({ oldKeyId }) => column<string | null>(oldKeyId)))].filter(
        (id) => id !== null,
      )
      const values = statement.valuesOf({
        ...Object.fromEntries(compared.map(([name, type]) => [name, ENCODERS[type](column<never>(name))])),
        ...Object.fromEntries(
          parts.flatMap(({ part, oldKeyId, keyId, sealed }) => [
            [`${part}_old_key`, keys(oldKeyId)],
            [`${part}_key`, keys(keyId)],
            [`${part}_sealed`, byteaArray(column(sealed))],
          ]),
        ),
        left_key: smallintArray(left.map((id) => keyOf(id))),
        left_key_id: textArray(left),
      })
      const moved = await db.query<{ key_id: string; count: number }>(statement, values)
      return new Map(moved.map(({ key_id, count }) => [key_id, count]))
    },
  }
}

/**
 * One stretch of the table, in one row at the least, which says how many pages there are. The place is compared with constants on
 * both sides, which PostgreSQL finds without reading anything else. A part under no old key comes without its bytes.
 */
function readStatement({ name, identity, unchanged, described, columns }: SealedTable): Statement {
  const plain = [...new Set([...Object.keys(identity), ...Object.keys(unchanged), ...described])]
  const isOld = (part: string) => `${part}_key = ANY($1::smallint[])`
  const shown = columns.flatMap(({ part }) => [
    `${part}_key`,
    `CASE WHEN ${isOld(part)} THEN ${part}_sealed END AS ${part}_sealed`,
  ])
  return {
    name: `reseal-read-${name}`,
    text: `SELECT s.pages, r.* FROM (SELECT ${pagesOf(name)} AS pages) s LEFT JOIN (
             SELECT ctid::text AS place, ${[...plain, ...shown].join(', ')} FROM ${name}
             WHERE ctid >= $2::tid AND ctid < $3::tid AND (${columns.map(({ part }) => isOld(part)).join(' OR ')})) r ON true`,
  }
}

/**
 * Compare and set: a row is replaced only if it still is what was read, under the keys that it was read with. A row
 * that was corrected, erased or moved in the meantime is left alone. A part that is null in the parameters stays as it
 * is.
 */
function writeStatement({ name, identity, unchanged, columns }: SealedTable): {
  statement: BuiltStatement<ParameterTypes>
  compared: (readonly [name: string, type: ColumnType])[]
} {
  const compared = Object.entries({ ...identity, ...unchanged })
  const replaced = columns.flatMap(({ part }): [string, string][] => [
    [`${part}_old_key`, 'smallint'],
    [`${part}_key`, 'smallint'],
    [`${part}_sealed`, 'bytea'],
  ])
  const all = [...compared, ...replaced]
  const parts = columns.map(({ part }) => part)
  const set = parts.flatMap((part) =>
    [`${part}_key`, `${part}_sealed`].map((column) => `${column} = coalesce(n.${column}, t.${column})`),
  )
  const same = [
    ...compared.map(([column]) => `t.${column} = n.${column}`),
    ...parts.map((part) => `(n.${part}_old_key IS NULL OR t.${part}_key = n.${part}_old_key)`),
  ]
  const old = parts.map((part) => `${part}_old_key`)
  const moved = old.map((column) => `SELECT key_id FROM replaced JOIN old ON old.key = ${column}`).join(' UNION ALL ')
  const types: ParameterTypes = {
    ...Object.fromEntries(all.map(([column, type]) => [column, `${type}[]`])),
    left_key: 'smallint[]',
    left_key_id: 'text[]',
  }
  return {
    compared,
    statement: buildStatement(
      `reseal-write-${name}`,
      types,
      (p) => `WITH old AS (SELECT * FROM unnest(${p.left_key}, ${p.left_key_id}) AS o (key, key_id)), replaced AS (
               UPDATE ${name} t SET ${set.join(', ')}
               FROM unnest(${all.map(([column]) => p[column]).join(', ')}) AS n (${all.map(([column]) => column).join(', ')})
               WHERE ${same.join(' AND ')} RETURNING ${old.map((column) => `n.${column}`).join(', ')}),
             ${countMovedSql(moved)}`,
    ),
  }
}
