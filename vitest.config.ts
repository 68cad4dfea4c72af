import { availableParallelism } from 'node:os'
import path from 'node:path'
import { defineConfig } from 'vitest/config'
import { RunReport } from './test/support/run-report.ts'
import { useScratch } from './test/support/scratch.ts'

useScratch()

/** Files wait for PostgreSQL, argon2, processes and timers a third of their time. All projects run side by side. */
const maxWorkers = Math.ceil(availableParallelism() * 1.5)

/**
 * A condition is waited for until it comes true, however busy the machine is: only a test that fails takes so long. Files share
 * a process, which imports the vault once for all of them; `test/support/leave-nothing.ts` cleans up behind each.
 */
const shared = {
  setupFiles: ['test/support/patience.ts', 'test/support/leave-nothing.ts'],
  expect: { poll: { timeout: 20_000 } },
  maxWorkers,
  isolate: false,
}

const onPostgres = {
  ...shared,
  globalSetup: ['test/support/global-setup.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
}

/** Every file has processes, ports and directories of its own. */
const onProcesses = {
  ...shared,
  globalSetup: ['test/support/prepared-vault.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
}
/** What measures a vault under more load than the machine can take has the machine for itself. */
const ALONE = 'test/e2e/overload.test.ts'

/** Tests take the sources of our own packages, not what was built of them. */
const client = path.join(import.meta.dirname, 'packages/client/src')

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@strongroom\/client$/, replacement: `${client}/index.ts` },
      { find: /^@strongroom\/client\/node$/, replacement: `${client}/node.ts` },
    ],
  },
  test: {
    reporters: ['default', new RunReport()],
    projects: [
      {
        test: {
          name: 'unit',
          ...shared,
          // Properties take their time on a busy machine.
          testTimeout: 30_000,
          include: [
            'src/**/*.test.ts',
            'packages/*/src/**/*.test.ts',
            'test/*.test.ts',
            'test/vectors/**/*.test.ts',
            'test/corpus/**/*.test.ts',
          ],
        },
      },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...onPostgres } },
      { test: { name: 'threats', include: ['test/threats/**/*.test.ts'], ...onPostgres } },
      {
        test: {
          name: 'providers',
          ...shared,
          include: ['test/providers/**/*.test.ts'],
          // Libraries of HSMs are loaded once in a process, and see the environment of that moment.
          isolate: true,
          testTimeout: 60_000,
          hookTimeout: 90_000,
        },
      },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], exclude: [ALONE], ...onProcesses } },
      { test: { name: 'e2e-alone', include: [ALONE], ...onProcesses, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
})
