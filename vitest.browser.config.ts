import { defineConfig } from 'vitest/config'
import { RunReport } from './test/support/run-report.ts'
import { useScratch } from './test/support/scratch.ts'

useScratch()

const shared = {
  setupFiles: ['test/support/patience.ts', 'test/support/leave-nothing.ts'],
  expect: { poll: { timeout: 20_000 } },
  testTimeout: 120_000,
  hookTimeout: 120_000,
  isolate: false,
}

/** The pages of the built vault in a real browser. One file at a time, since each has a browser and a vault of its own. */
export default defineConfig({
  test: {
    maxWorkers: 1,
    reporters: ['default', new RunReport()],
    projects: [
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], ...shared } },
      { test: { name: 'bench-checkout', include: ['test/bench/checkout/*.test.ts'], ...shared } },
    ],
  },
})
