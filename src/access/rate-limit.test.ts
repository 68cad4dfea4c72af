import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRateLimit, defaultRateLimits } from './rate-limit.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const refused = expect.objectContaining({ code: 'too-many-requests', status: 429 })
const limits = { requestsPerMinute: 3, failuresPerMinute: 2 }

async function times(count: number, work: () => Promise<void>): Promise<void> {
  for (let done = 0; done < count; done++) await work()
}

describe('requests', () => {
  it('are refused beyond the limit, with the seconds until the minute is over', async () => {
    const limit = createRateLimit(limits)
    await times(3, () => limit.spend('192.0.2.1'))
    vi.advanceTimersByTime(20_500)
    await expect(limit.spend('192.0.2.1')).rejects.toEqual(refused)
    await expect(limit.spend('192.0.2.1')).rejects.toMatchObject({ headers: { 'Retry-After': '40' } })
  })

  it('of another source are not affected', async () => {
    const limit = createRateLimit(limits)
    await times(3, () => limit.spend('192.0.2.1'))
    await expect(limit.spend('192.0.2.1')).rejects.toEqual(refused)
    await times(3, () => limit.spend('192.0.2.2'))
  })

  it('are taken again when the minute is over', async () => {
    const limit = createRateLimit(limits)
    await times(3, () => limit.spend('192.0.2.1'))
    await expect(limit.spend('192.0.2.1')).rejects.toEqual(refused)
    vi.advanceTimersByTime(60_001)
    await limit.spend('192.0.2.1')
  })

  it('are counted by each limit for itself', async () => {
    const [one, other] = [createRateLimit(limits), createRateLimit(limits)]
    await times(3, () => one.spend('192.0.2.1'))
    await times(3, () => other.spend('192.0.2.1'))
  })
})

describe('failures', () => {
  it('close the door to their source, and to no other', async () => {
    const limit = createRateLimit({ ...limits, requestsPerMinute: 100 })
    await limit.spendFailure('192.0.2.1')
    await limit.spend('192.0.2.1')
    await limit.spendFailure('192.0.2.1')
    await expect(limit.spend('192.0.2.1')).rejects.toEqual(refused)
    await limit.spend('192.0.2.2')
  })

  it('are forgiven when the minute is over', async () => {
    const limit = createRateLimit({ ...limits, requestsPerMinute: 100 })
    await times(5, () => limit.spendFailure('192.0.2.1'))
    await expect(limit.spend('192.0.2.1')).rejects.toMatchObject({ headers: { 'Retry-After': '60' } })
    vi.advanceTimersByTime(60_001)
    await limit.spend('192.0.2.1')
  })
})

it('lets a fleet work by default, and bounds the guesses of one source', async () => {
  const limit = createRateLimit()
  await times(defaultRateLimits.requestsPerMinute, () => limit.spend('192.0.2.1'))
  await expect(limit.spend('192.0.2.1')).rejects.toEqual(refused)
  await times(defaultRateLimits.failuresPerMinute, () => limit.spendFailure('192.0.2.2'))
  await expect(limit.spend('192.0.2.2')).rejects.toEqual(refused)
})
