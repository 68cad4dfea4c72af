import type { TestVault } from './test-vault.ts'
import { withVaultKeys } from './vault-keys.ts'

/** Takes marks away from the manifest of a vault's keys, as that of an older version has fewer. @param kept those that stay */
export async function takeMarks(vault: TestVault, kept: readonly string[] = []): Promise<void> {
  await withVaultKeys(vault, ({ database, keys }) =>
    database.transaction(async (tx) => {
      const verified = await keys.registry.read(tx)
      const draft = await keys.registry.draft({ ...verified, marks: [...kept] })
      await draft.save(tx, verified.generation + 1)
    }),
  )
  await vault.strongroom.checkReady()
}
