import type { TestVault } from './test-vault.ts'
import { withVaultKeys } from './vault-keys.ts'

/** Turns the manifest of a vault into one that remembers these things alone as done. */
export async function forgetMarks(vault: TestVault, marks: readonly string[] = []): Promise<void> {
  await withVaultKeys(vault, ({ database, keys }) =>
    database.transaction(async (tx) => {
      const verified = await keys.registry.read(tx)
      const draft = await keys.registry.draft({ ...verified, marks })
      await keys.registry.save(tx, draft, verified.generation + 1)
    }),
  )
  await vault.checkReady()
}
