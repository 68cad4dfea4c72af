import { ACCESS_MACS } from '../../src/access/access-macs.ts'
import type { TestVault } from './test-vault.ts'
import { withVaultKeys } from './vault-keys.ts'

/** Turns a vault into one from before search terms had MACs: none of its terms has one, and its manifest promises none. */
export async function takeTermMacs(vault: TestVault): Promise<void> {
  await withVaultKeys(vault, ({ database, keys }) =>
    database.transaction(async (tx) => {
      const verified = await keys.registry.read(tx)
      const draft = await keys.registry.draft({ ...verified, marks: [ACCESS_MACS] })
      await draft.save(tx, verified.generation + 1)
    }),
  )
  await vault.database.sql('UPDATE search_terms SET mac = NULL')
  await vault.strongroom.checkReady()
}
