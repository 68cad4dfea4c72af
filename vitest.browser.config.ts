import { defineConfig } from 'vitest/config'
import { RunReport } from './test/support/run-report.ts'
import { useScratch } from './test/support/scratch.ts'

useScratch()

/** The pages of the built vault in a real browser: `npm run test:browser`. A file at a time, since each has a browser of its own. */
export default defineConfig({
  test: {
    name: 'browser',
    // In continuous integration a test that is left out fails the run.
    reporters: ['default', new RunReport()],
    include: ['test/browser/**/*.test.ts'],
    setupFiles: ['test/support/patience.ts', 'test/support/leave-nothing.ts'],
    expect: { poll: { timeout: 20_000 } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 1,
    isolate: false,
  },
})
