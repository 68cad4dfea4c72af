import type { TestVault } from './test-vault.ts'

const HOUR_MS = 60 * 60 * 1000

/** What moves a clock to the first minute of the next hour, so that no window of an hour or of a day ends within a test. */
export const toNextHour = () => HOUR_MS - (Date.now() % HOUR_MS)

/** Runs something so much later by the vault's clock. Tokens that were issued before have expired by then. */
export async function withMovedClock<T>(vault: TestVault, byMs: number, work: () => Promise<T>): Promise<T> {
  vault.clockOffsetMs += byMs
  try {
    return await work()
  } finally {
    vault.clockOffsetMs -= byMs
  }
}
