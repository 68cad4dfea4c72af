import { defineConfig } from 'vitest/config'

/** A condition is waited for until it comes true, however busy the machine is: only a test that fails takes so long. */
const patient = { setupFiles: ['test/support/patience.ts'], expect: { poll: { timeout: 20_000 } } }

/** Two cores are the rule. These files wait for PostgreSQL, argon2 and timers half of their time, so three of them share two. */
const onPostgres = {
  ...patient,
  globalSetup: ['test/support/global-setup.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
  maxWorkers: 3,
  sequence: { groupOrder: 1 },
}

/** Every file has processes, ports and directories of its own. */
const onProcesses = { ...patient, testTimeout: 120_000, hookTimeout: 120_000 }
/** What measures a vault under more load than the machine can take has the machine for itself. */
const ALONE = 'test/e2e/overload.test.ts'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          ...patient,
          // Properties take their time on a busy machine.
          testTimeout: 30_000,
          include: ['src/**/*.test.ts', 'test/*.test.ts', 'test/vectors/**/*.test.ts', 'test/corpus/**/*.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...onPostgres } },
      { test: { name: 'threats', include: ['test/threats/**/*.test.ts'], ...onPostgres } },
      {
        test: {
          name: 'providers',
          ...patient,
          include: ['test/providers/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 90_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [ALONE],
          ...onProcesses,
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'e2e-alone',
          include: [ALONE],
          ...onProcesses,
          maxWorkers: 1,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
})
