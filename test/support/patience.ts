import { vi } from 'vitest'

/** A condition that a test waits for is waited for so long, where the test does not say how long: a second is short on a busy machine. */
const PATIENCE_MS = 20_000

type Options = Parameters<typeof vi.waitFor>[1]

const patient = (options: Options): Options =>
  typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options }

const { waitFor, waitUntil } = vi
vi.waitFor = (callback, options) => waitFor(callback, patient(options))
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options))
