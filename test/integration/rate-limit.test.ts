import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createCounters } from '../../src/access/limits/counter.ts'
import { createRateLimit as createOn, defaultRateLimits, type RateLimits } from '../../src/access/limits/rate-limit.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

// The default limits take hundreds of requests, one after the other.
vi.setConfig({ testTimeout: 120_000 })

let testDatabase: TestDatabase
let database: Database
/** The counts are in the database: without another pseudonym for each test they would continue from the last one. */
let run = 0

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = openDatabase({ url: testDatabase.serverUrl })
})
beforeEach(() => {
  run++
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

function createRateLimit(limits?: RateLimits) {
  const now = () => new Date()
  const keyOf = async (kind: string, source: string) => `${kind} ${run} ${source}`
  const limit = createOn({ database, increment: createCounters(database, now), keyOf, now }, limits)
  return {
    ...limit,
    /** A request that proves right. */
    async pass(source: string) {
      await (await limit.consume(source)).settle('not-failed')
    },
    async fail(source: string) {
      await (await limit.consume(source)).settle('failed')
    },
  }
}

const refused = expect.objectContaining({ code: 'too-many-requests' })
const limits = { requestsPerMinute: 3, failuresPerMinute: 2 }

const advance = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds)

async function times(count: number, work: () => Promise<void>): Promise<void> {
  for (let done = 0; done < count; done++) await work()
}

describe('requests', () => {
  it('are refused beyond the limit, with the seconds until the minute is over', async () => {
    const limit = createRateLimit(limits)
    await times(3, () => limit.pass('192.0.2.1'))
    advance(20_500)
    await expect(limit.pass('192.0.2.1')).rejects.toEqual(refused)
    await expect(limit.pass('192.0.2.1')).rejects.toMatchObject({ retryAfterSeconds: 40 })
  })

  it('of another source are not affected', async () => {
    const limit = createRateLimit(limits)
    await times(3, () => limit.pass('192.0.2.1'))
    await expect(limit.pass('192.0.2.1')).rejects.toEqual(refused)
    await times(3, () => limit.pass('192.0.2.2'))
  })

  it('are taken again when the minute is over', async () => {
    const limit = createRateLimit(limits)
    await times(3, () => limit.pass('192.0.2.1'))
    await expect(limit.pass('192.0.2.1')).rejects.toEqual(refused)
    advance(60_001)
    await limit.pass('192.0.2.1')
  })

  it('are counted together by all servers on one database', async () => {
    const [one, other] = [createRateLimit(limits), createRateLimit(limits)]
    await times(2, () => one.pass('192.0.2.1'))
    await other.pass('192.0.2.1')
    await expect(one.pass('192.0.2.1')).rejects.toEqual(refused)
  })
})

describe('failures', () => {
  it('close the door to their source, and to no other', async () => {
    const limit = createRateLimit({ ...limits, requestsPerMinute: 100 })
    await limit.fail('192.0.2.1')
    await limit.pass('192.0.2.1')
    await limit.fail('192.0.2.1')
    await expect(limit.pass('192.0.2.1')).rejects.toEqual(refused)
    await limit.pass('192.0.2.2')
  })

  it('are forgiven when the minute is over', async () => {
    const limit = createRateLimit({ ...limits, requestsPerMinute: 100 })
    await times(2, () => limit.fail('192.0.2.1'))
    await expect(limit.pass('192.0.2.1')).rejects.toMatchObject({ retryAfterSeconds: 60 })
    advance(60_001)
    await limit.pass('192.0.2.1')
  })
})

describe('at once', () => {
  const everything = { requestsPerMinute: 10_000, failuresPerMinute: 5 }
  const settled = async (count: number, work: (at: number) => Promise<void>) =>
    (await Promise.allSettled(Array.from({ length: count }, (_, at) => work(at)))).filter(
      ({ status }) => status === 'fulfilled',
    ).length

  it('wrong secrets are checked only up to the limit, on all servers together', async () => {
    const servers = [createRateLimit(everything), createRateLimit(everything)]
    expect(await settled(300, (at) => servers[at % 2]!.fail('192.0.2.1'))).toBe(5)
  })

  it('a fleet larger than what may fail comes in, one after the other', async () => {
    const servers = [createRateLimit(everything), createRateLimit(everything)]
    // In three parts: who waits for five seconds is told to come back, and a busy machine takes seconds for all at once.
    for (let part = 0; part < 3; part++) {
      expect(await settled(100, (at) => servers[at % 2]!.pass('192.0.2.1'))).toBe(100)
    }
    expect(await settled(5, () => servers[0]!.fail('192.0.2.1'))).toBe(5)
  })
})

it('lets a fleet work by default, and bounds the guesses of one source', async () => {
  const limit = createRateLimit()
  await times(defaultRateLimits.requestsPerMinute, () => limit.pass('192.0.2.1'))
  await expect(limit.pass('192.0.2.1')).rejects.toEqual(refused)
  await times(defaultRateLimits.failuresPerMinute, () => limit.fail('192.0.2.2'))
  await expect(limit.pass('192.0.2.2')).rejects.toEqual(refused)
})
