import { defineConfig } from 'vitest/config'
import { useScratch } from './test/support/scratch.ts'

useScratch()

/** What a vault forwards, at emulators of payment processors. `test/emulators/install.ts` names those that are left out. */
export default defineConfig({
  test: {
    name: 'emulators',
    include: ['test/emulators/**/*.test.ts'],
    setupFiles: ['test/support/patience.ts', 'test/support/leave-nothing.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})
