import { tokenPrefixes } from '../kinds/registry.ts'
import { idOfUuid } from '../values/identifier.ts'
import { smallintArray } from './binary-array.ts'
import type { Queryable } from './database.ts'
import type { Sort } from './dictionary.ts'

/** A column of numbers, the sort of its names, and the member of a row that has the name. */
interface NumberedColumn {
  column: string
  sort: Sort
  name: string
}

/** The numbers in the tables of records, and of what is kept beside them. The key of a part is in `<part>_key`. */
const NUMBERED: readonly NumberedColumn[] = [
  { column: 'kind', sort: 'kind', name: 'kind' },
  { column: 'site', sort: 'site', name: 'site' },
  { column: 'policy', sort: 'policy', name: 'policy_version' },
  { column: 'consents', sort: 'consents', name: 'consents' },
  { column: 'key', sort: 'key', name: 'key_id' },
]

type Row = Readonly<Record<string, unknown>>

/**
 * Rows with names in place of numbers, tokens in place of uuids, and the time of the last change also where it is that
 * of the first one.
 */
export async function spellOut<Spelt>(db: Pick<Queryable, 'dictionary'>, rows: readonly Row[]): Promise<Spelt[]> {
  const [first] = rows
  if (first === undefined) return []
  const keys = Object.keys(first).filter((column) => column.endsWith('_key'))
  const numbered = [...NUMBERED, ...keys.map((column) => ({ column, sort: 'key' as const, name: `${column}_id` }))]
  const spelt = rows.map((row): Record<string, unknown> => ({ ...row }))
  for (const { column, sort, name } of numbered) {
    if (!(column in first)) continue
    const numbers = rows.map((row) => row[column] as number | null)
    const nameOf = await db.dictionary.names(sort, numbers)
    for (const [at, row] of spelt.entries()) {
      if (name !== column) delete row[column]
      row[name] = nameOf(numbers[at]!)
    }
  }
  for (const row of spelt) {
    if (row.consents !== undefined && row.consents !== null) row.consents = consentsIn(row.consents as string)
    if (row.kind !== undefined && row.token) row.token = tokenOf(row.kind as string | null, row.token as string)
    if (row.updated_at === null) row.updated_at = row.created_at
  }
  return spelt as Spelt[]
}

/** The token of a record of that kind. With an unknown kind it is not a token. */
export function tokenOf(kind: string | null, uuid: string): string {
  return idOfUuid((tokenPrefixes as Readonly<Record<string, string>>)[kind ?? ''] ?? 'unknown', uuid)
}

const consentsIn = (name: string): string[] => (name === '' ? [] : name.split(' '))

/** The name of a set of consents: slugs, which have no spaces, in the order in which they were given. */
export const nameOfConsents = (consents: readonly string[]): string => consents.join(' ')

/** A `smallint[]` parameter of names of a sort. */
export async function smallNumbers(
  db: Pick<Queryable, 'dictionary'>,
  sort: Sort,
  names: readonly (string | null)[],
): Promise<Buffer> {
  return smallintArray(names.map(await db.dictionary.ids(sort, names)))
}

/** The number of one name. */
export async function numberOf(db: Pick<Queryable, 'dictionary'>, sort: Sort, name: string): Promise<number> {
  return (await db.dictionary.ids(sort, [name]))(name)
}

/** The lowest uuid. */
export const FIRST_UUID = '00000000-0000-0000-0000-000000000000'

/** SQL: the rows that a walk along the tokens has not come to yet. @param last a parameter; null before the first page */
export function isBehindSql(last: string): string {
  return `token >= coalesce(${last}::uuid, '${FIRST_UUID}') AND token IS DISTINCT FROM ${last}::uuid`
}
