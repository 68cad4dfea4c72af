import { defineConfig } from 'vitest/config'

const onPostgres = {
  globalSetup: ['test/support/global-setup.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
}

export default defineConfig({
  test: {
    // Two cores are the rule; PostgreSQL and argon2 want one of them.
    maxWorkers: 2,
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'test/*.test.ts', 'test/vectors/**/*.test.ts'] } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...onPostgres } },
      { test: { name: 'threats', include: ['test/threats/**/*.test.ts'], ...onPostgres } },
      {
        test: { name: 'providers', include: ['test/providers/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 90_000 },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Processes and ports of their own: one file at a time keeps the machine's two cores for the vault.
          fileParallelism: false,
        },
      },
    ],
  },
})
