import { open } from '../../src/keys/seal.ts'
import { sealedColumns } from '../../src/keys/sealed-columns.ts'
import type { TestVault } from './test-vault.ts'
import { readVaultKeys } from './vault-keys.ts'

/** A sealed value of some column, opened. */
export interface OpenedValue {
  column: string
  keyId: string
  row: Readonly<Record<string, unknown>>
  text: string
}

/** Opens everything that stands sealed in the database. @throws {SealError} when one value does not open */
export async function openEverySealedValue(vault: TestVault): Promise<OpenedValue[]> {
  const ring = await readVaultKeys(vault)
  const opened: OpenedValue[] = []
  for (const purpose of ['display', 'secret'] as const) {
    for (const column of sealedColumns[purpose]) {
      for (const key of ring.all(purpose)) {
        const rows = await vault.database.sql(column.selectFirst.text, [key.id, 1_000_000])
        for (const { row, context, sealed } of rows.map(column.toValue)) {
          opened.push({
            column: column.name,
            keyId: key.id,
            row,
            text: open(key, context, sealed.bytes).toString('utf8'),
          })
        }
      }
    }
  }
  return opened
}
