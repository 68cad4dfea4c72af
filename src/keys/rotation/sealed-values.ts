import { Problem } from '../../problem.ts'
import type { Keys } from '../keys.ts'
import { paddedLengthOf } from '../seal.ts'
import { type Row, type SealedColumn, type SealedTable, sealedTables, takeCensus } from '../sealed-columns.ts'
import type { DamagedValue, Movable, Renewal } from './movable.ts'
import { createResealStatements } from './reseal-store.ts'

/** Everything that data keys seal, one table after the other. */
export function createSealedValues(keys: Keys): Movable[] {
  return sealedTables.map((table) => ({
    name: table.name,
    purposes: [...new Set(table.columns.map(({ purpose }) => purpose))],
    census: (db) =>
      takeCensus(
        db,
        table.columns.map(({ name }) => name),
      ),
    ...createResealStatements(table),
    renew: (row) => resealRow(keys, table, row),
  }))
}

/** Opens what of the row came with its bytes, and seals it under the active keys, to the same length. */
async function resealRow(keys: Keys, table: SealedTable, row: Row): Promise<Renewal> {
  const damaged: DamagedValue[] = []
  const fresh: Record<string, unknown> = {}
  let values = 0
  for (const name of [...Object.keys(table.identity), ...Object.keys(table.unchanged)]) fresh[name] = row[name]
  for (const column of table.columns) {
    const { part } = column
    const [keyId, bytes] = [row[`${part}_key_id`] as string, row[`${part}_sealed`] as Buffer | null]
    if (bytes === null) continue
    const context = table.context(row, part)
    const plaintext = await openOrReport(keys, column, { keyId, bytes }, context, damaged)
    if (plaintext === undefined) continue
    const sealed = keys.seal(column.purpose, context, plaintext, paddedLengthOf(bytes))
    plaintext.fill(0)
    fresh[`${part}_old_key_id`] = keyId
    fresh[`${part}_key_id`] = sealed.keyId
    fresh[`${part}_sealed`] = sealed.bytes
    values++
  }
  return { fresh: values > 0 ? fresh : undefined, values, stuck: damaged.length, damaged }
}

async function openOrReport(
  keys: Keys,
  column: SealedColumn,
  sealed: Parameters<Keys['open']>[0],
  context: Parameters<Keys['open']>[1],
  damaged: DamagedValue[],
): Promise<Buffer | undefined> {
  try {
    return await keys.open(sealed, context)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'record-integrity') throw error
    damaged.push({ column: column.name, kind: context.kind, token: context.token })
    return undefined
  }
}
