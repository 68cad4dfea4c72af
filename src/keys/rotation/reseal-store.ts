import { byteaArray, integerArray, textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import type { ColumnType, Row, SealedTable } from '../sealed-columns.ts'
import type { KeyCounts, Page } from './movable.ts'

/** No row sorts before these: the place where a walk over a primary key begins. */
const FIRST = { text: '', bytea: Buffer.alloc(0), integer: -1 } as const

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

/** The statements that walk over one table of sealed values and replace them. */
export interface ResealStatements {
  readPage(db: Queryable, oldKeys: readonly string[], rows: number, after: Page['next']): Promise<Page>
  write(db: Queryable, fresh: readonly Row[]): Promise<KeyCounts>
}

export function createResealStatements(table: SealedTable): ResealStatements {
  const identity = Object.keys(table.identity)
  const parts = table.columns.map(({ part }) => part)
  const read = readStatement(table)
  const { statement, columns } = writeStatement(table)
  const isOld = (row: Row) => parts.some((part) => row[`${part}_sealed`] !== null)
  return {
    async readPage(db, oldKeys, limit, after = Object.values(table.identity).map((type) => FIRST[type])) {
      const rows = await db.query<Row>(read, [textArray(oldKeys), limit, ...after])
      const last = rows.at(-1)
      return {
        rows: rows.filter(isOld),
        next: last === undefined || rows.length < limit ? undefined : identity.map((column) => last[column]),
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
 * The walk goes along the primary key, and the keys are looked at only when a page is cut: otherwise the planner, which
 * cannot know how many rows are left on a key, may sort all of them for every page. A part that stands on no old key comes
 * without its bytes.
 */
function readStatement({ name, identity, unchanged, described, columns }: SealedTable): Statement {
  const keys = Object.keys(identity)
  const after = Object.values(identity).map((type, at) => `$${at + 3}::${type}`)
  const plain = [...new Set([...keys, ...Object.keys(unchanged), ...described])]
  const sealed = columns.flatMap(({ part }) => [`${part}_key_id`, `${part}_sealed`])
  const shown = columns.map(
    ({ part }) =>
      `${part}_key_id, CASE WHEN ${part}_key_id = ANY($1::text[]) THEN ${part}_sealed END AS ${part}_sealed`,
  )
  return {
    name: `reseal-read-${name}`,
    text: `SELECT ${[...plain, ...shown].join(', ')} FROM (
             SELECT ${[...plain, ...sealed].join(', ')} FROM ${name}
             WHERE (${keys.join(', ')}) > (${after.join(', ')}) ORDER BY ${keys.join(', ')} LIMIT $2) page
           ORDER BY ${keys.join(', ')}`,
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
