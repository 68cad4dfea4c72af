import { open } from '../../src/keys/sealing/seal.ts'
import { referencingTables } from '../../src/vault/referencing-tables.ts'
import type { TestVault } from './test-vault.ts'
import { readVaultKeys } from './vault-keys.ts'

/** A sealed value of some column, opened. */
export interface OpenedValue {
  column: string
  keyId: string
  row: Readonly<Record<string, unknown>>
  text: string
}

/** Opens every sealed value in the database. @throws {SealError} if one value does not open */
export async function openEverySealedValue(vault: TestVault): Promise<OpenedValue[]> {
  const ring = await readVaultKeys(vault)
  const opened: OpenedValue[] = []
  for (const table of referencingTables.sealed) {
    for (const { name, part } of table.columns) {
      const rows = await vault.database.sql(`SELECT * FROM readable.${table.name} WHERE ${part}_key_id IS NOT NULL`)
      for (const row of rows) {
        const keyId = row[`${part}_key_id`] as string
        const key = ring.find(keyId)
        if (key === undefined) throw new Error(`${name} is sealed under ${keyId}, which does not exist`)
        const sealed = row[`${part}_sealed`] as Buffer
        const text = open(key, table.context(row, part), sealed).toString('utf8')
        opened.push({ column: name, keyId, row, text })
      }
    }
  }
  return opened
}
