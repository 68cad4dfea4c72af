import { afterAll, vi } from 'vitest'

/** The next file runs in the same process: it finds real timers, and functions as they are. */
afterAll(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})
