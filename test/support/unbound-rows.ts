import { open, paddedLengthOf, seal } from '../../src/keys/sealing/seal.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { referencingTables } from '../../src/vault/referencing-tables.ts'
import type { TestVault } from './test-vault.ts'
import { withVaultKeys } from './vault-keys.ts'

/** Turns a vault into one from before sealed values were bound to their rows: none is, and its manifest promises nothing. */
export async function unbindRows(vault: TestVault): Promise<void> {
  const randomBytes = createRandomBytes()
  await withVaultKeys(vault, async ({ database, keys }) => {
    await database.transaction(async (tx) => {
      const verified = await keys.registry.read(tx)
      const draft = await keys.registry.draft({ ...verified, marks: [] })
      await draft.save(tx, verified.generation + 1)
    })
    for (const { name, columns, identity, context } of referencingTables.sealed) {
      const place = Object.keys(identity)
      const where = place.map((column, at) => `${column} = $${at + 2}`).join(' AND ')
      for (const { part } of columns) {
        const rows = await vault.database.sql(`SELECT * FROM readable.${name} WHERE ${part}_key_id IS NOT NULL`)
        for (const row of rows) {
          const key = keys.ring.find(row[`${part}_key_id`] as string)!
          const sealed = row[`${part}_sealed`] as Buffer
          const { facts: _facts, ...unbound } = context(row, part)
          const plaintext = open(key, context(row, part), sealed)
          const before = seal(key, unbound, plaintext, paddedLengthOf(sealed), randomBytes)
          await vault.database.sql(`UPDATE readable.${name} SET ${part}_sealed = $1 WHERE ${where}`, [
            before,
            ...place.map((column) => row[column]),
          ])
        }
      }
    }
  })
  await vault.checkReady()
}
