import type { TestVault } from './test-vault.ts'

/** Runs something so much later by the vault's clock. Tokens that were issued before have expired by then. */
export async function withMovedClock<T>(vault: TestVault, byMs: number, work: () => Promise<T>): Promise<T> {
  vault.clockOffsetMs += byMs
  try {
    return await work()
  } finally {
    vault.clockOffsetMs -= byMs
  }
}
