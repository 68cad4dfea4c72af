import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { awakeNow } from './awake-time.ts'

it('runs while the process runs', async () => {
  const start = performance.now()
  const from = awakeNow()
  await expect.poll(() => awakeNow() - from, { timeout: 20_000 }).toBeGreaterThan(50)
  await sleep(0)
  expect(awakeNow() - from).toBeLessThanOrEqual(performance.now() - start + 1)
})

it('counts a second at the most of a time in which nothing could run', () => {
  const from = awakeNow()
  // As a process that is stopped: the event loop does not turn.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500)
  expect(awakeNow() - from).toBeLessThan(1_001)
})
