import { byteaArray, integerArray, textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import type { ColumnType, Row, SealedTable } from '../sealed-columns.ts'
import { pagesOf, stretchAt, takeTurns } from './heap-order.ts'
import type { KeyCounts, Page } from './movable.ts'

const ENCODERS: Readonly<Record<ColumnType, (values: never[]) => Buffer>> = {
  text: textArray,
  bytea: byteaArray,
  integer: integerArray,
}

/**
 * Adds to what was moved off each old key, in the statement that moves it, so that the count is exact whatever ends the
 * process. `moved` is a query with one column `key_id` and one row for each value.
 */
export function countMovedSql(moved: string): string {
  return `per_key AS (SELECT key_id, count(*)::integer AS count FROM (${moved}) m WHERE key_id IS NOT NULL GROUP BY key_id),
    counted AS (
      INSERT INTO key_retirements AS k (key_id, moved) SELECT key_id, count FROM per_key
      ON CONFLICT (key_id) DO UPDATE SET moved = k.moved + excluded.moved)
    SELECT key_id, count FROM per_key`
}

/** The columns of a part, and what the parameters call the key that it stood on. */
export function partNames(part: string): Readonly<Record<'keyId' | 'sealed' | 'oldKeyId', string>> {
  return { keyId: `${part}_key_id`, sealed: `${part}_sealed`, oldKeyId: `${part}_old_key_id` }
}

/** The statements that walk over one table of sealed values and replace them. */
export interface ResealStatements {
  readPage(db: Queryable, oldKeys: readonly string[], rows: number, after: Page['next']): Promise<Page>
  write(db: Queryable, fresh: readonly Row[]): Promise<KeyCounts>
}

export function createResealStatements(table: SealedTable): ResealStatements {
  const read = readStatement(table)
  const { statement, columns } = writeStatement(table)
  return {
    async readPage(db, oldKeys, pages, after) {
      const { from, to, end } = stretchAt(after, pages)
      const rows = await db.query<Row & { pages: number }>(read, [textArray(oldKeys), from, to])
      const isLast = end >= rows[0]!.pages
      return {
        rows: takeTurns(
          rows.filter(({ place }) => place !== null),
          'place',
        ),
        next: isLast ? undefined : [end],
      }
    },
    async write(db, fresh) {
      const parameters = columns.map(([name, type]) => ENCODERS[type](fresh.map((row) => row[name] ?? null) as never[]))
      return new Map(
        (await db.query<{ key_id: string; count: number }>(statement, parameters)).map((row) => [
          row.key_id,
          row.count,
        ]),
      )
    },
  }
}

/**
 * One stretch of the table, in one row at the least, which says how many pages there are. The place is compared with constants on
 * both sides, which PostgreSQL finds without reading anything else. A part that stands on no old key comes without its bytes.
 */
function readStatement({ name, identity, unchanged, described, columns }: SealedTable): Statement {
  const plain = [...new Set([...Object.keys(identity), ...Object.keys(unchanged), ...described])]
  const isOld = (part: string) => `${part}_key_id = ANY($1::text[])`
  const shown = columns.flatMap(({ part }) => [
    `${part}_key_id`,
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
 * Compare and set: a row is replaced only if it still is what was read, on the keys that it was read with. Whatever was
 * corrected, erased or moved meanwhile is left alone. A part that is null in the parameters stays as it is.
 */
function writeStatement({ name, identity, unchanged, columns }: SealedTable): {
  statement: Statement
  columns: (readonly [name: string, type: ColumnType])[]
} {
  const compared = Object.entries({ ...identity, ...unchanged })
  const replaced = columns.flatMap(({ part }): [string, ColumnType][] => [
    [`${part}_old_key_id`, 'text'],
    [`${part}_key_id`, 'text'],
    [`${part}_sealed`, 'bytea'],
  ])
  const all = [...compared, ...replaced]
  const parts = columns.map(({ part }) => part)
  const set = parts.flatMap((part) =>
    [`${part}_key_id`, `${part}_sealed`].map((column) => `${column} = coalesce(n.${column}, t.${column})`),
  )
  const same = [
    ...compared.map(([column]) => `t.${column} = n.${column}`),
    ...parts.map((part) => `(n.${part}_old_key_id IS NULL OR t.${part}_key_id = n.${part}_old_key_id)`),
  ]
  const old = parts.map((part) => `${part}_old_key_id`)
  const moved = old.map((column) => `SELECT ${column} AS key_id FROM replaced`).join(' UNION ALL ')
  const arrays = all.map(([, type], at) => `$${at + 1}::${type}[]`).join(', ')
  return {
    columns: all,
    statement: {
      name: `reseal-write-${name}`,
      text: `WITH replaced AS (
               UPDATE ${name} t SET ${set.join(', ')}
               FROM unnest(${arrays}) AS n (${all.map(([column]) => column).join(', ')})
               WHERE ${same.join(' AND ')} RETURNING ${old.map((column) => `n.${column}`).join(', ')}),
             ${countMovedSql(moved)}`,
    },
  }
}
