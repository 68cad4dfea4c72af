import { Problem } from '../../values/problem.ts'
import type { Keys } from '../ring/keys.ts'
import { sumByKey, takeCensus } from '../sealing/census.ts'
import { paddedLengthOf } from '../sealing/seal.ts'
import type { Row, SealedColumn, SealedTable } from '../sealing/sealed-table.ts'
import { createReencryptStatements, partNames } from './reencrypt-store.ts'
import type { DamagedValue, Reencryption, ReencryptionTarget } from './reencryption-target.ts'
import { sizeOf, walOfRows } from './wal.ts'

/** Everything that data keys seal, one table after the other. */
export function createSealedValues(keys: Keys): ReencryptionTarget[] {
  return keys.referencing.sealed.map((table) => ({
    name: table.name,
    purposes: [...new Set(table.columns.map(({ purpose }) => purpose))],
    census: async (db) => sumByKey(await takeCensus(db, [table])),
    ...createReencryptStatements(table),
    reencrypt: reencrypter(keys, table),
    wal: async (db, moving) => walOfRows(await sizeOf(db, [table.name]), moving),
  }))
}

/** Opens what of a row came with its bytes, and seals it under the active keys, to the same length. */
function reencrypter(keys: Keys, table: SealedTable): (row: Row) => Promise<Reencryption> {
  // Made once: a name that is put together for every row costs as much as a hash.
  const kept = [...Object.keys(table.identity), ...Object.keys(table.unchanged)]
  const parts = table.columns.map((column) => ({ column, part: column.part, ...partNames(column.part) }))
  return async (row) => {
    const damaged: DamagedValue[] = []
    const fresh: Record<string, unknown> = {}
    let values = 0
    for (const name of kept) fresh[name] = row[name]
    for (const { column, part, keyId, sealed, oldKeyId } of parts) {
      const bytes = row[sealed] as Buffer | null
      if (bytes === null) continue
      const standing = { keyId: row[keyId] as string, bytes }
      const context = table.context(row, part)
      const plaintext = await openOrReport(keys, column, standing, context, damaged)
      if (plaintext === undefined) continue
      await keys.ensureFresh()
      const renewed = keys.seal(column.purpose, context, plaintext, paddedLengthOf(bytes))
      plaintext.fill(0)
      fresh[oldKeyId] = standing.keyId
      fresh[keyId] = renewed.keyId
      fresh[sealed] = renewed.bytes
      values++
    }
    return { fresh: values > 0 ? fresh : undefined, values, stuck: damaged.length, damaged, orphans: 0 }
  }
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
