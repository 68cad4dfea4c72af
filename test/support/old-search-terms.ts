import { forgetMarks } from './forget-marks.ts'
import type { TestVault } from './test-vault.ts'

/** Turns a vault into one from before search terms had MACs: none of its terms has one, and its manifest promises none. */
export async function takeTermMacs(vault: TestVault): Promise<void> {
  await vault.database.sql('UPDATE readable.search_terms SET mac = NULL')
  await forgetMarks(vault)
}
