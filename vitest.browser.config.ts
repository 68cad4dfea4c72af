import { defineConfig } from 'vitest/config'
import { useScratch } from './test/support/scratch.ts'

useScratch()

/** The pages of the built vault in a real browser: `npm run test:browser`. A file at a time, since each has a browser of its own. */
export default defineConfig({
  test: {
    name: 'browser',
    include: ['test/browser/**/*.test.ts'],
    setupFiles: ['test/support/patience.ts', 'test/support/leave-nothing.ts'],
    expect: { poll: { timeout: 20_000 } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 1,
    isolate: false,
    // In CI each test runs: one that is left out there would go unseen.
    allowOnly: false,
  },
})
