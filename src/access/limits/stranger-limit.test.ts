import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { createNewAuditEvent } from '../../audit/event/new-audit-event.ts'
import type { AlertCode } from '../../observability/alert.ts'
import { createNewId } from '../../values/identifier.ts'
import { Problem } from '../../values/problem.ts'
import type { IncrementCounters } from './counter.ts'
import { createStrangerLimit } from './stranger-limit.ts'

const START = new Date('2026-11-24T12:00:00Z')
const MINUTE_MS = 60_000

let events: AuditEvent[]
let alerts: AlertCode[]
let statements: number
/** While it is set, no event can be written. */
let outage: Problem | undefined

beforeEach(() => {
  vi.useFakeTimers({ now: START })
  events = []
  alerts = []
  statements = 0
  outage = undefined
})
afterEach(() => {
  vi.useRealTimers()
})

/** Counts as the database does. */
function countersInMemory(): IncrementCounters {
  const rows = new Map<string, { points: number; endsAt: number }>()
  return async (counts) => {
    if (counts.length > 0) statements++
    return counts.map(({ key, add, windowMs }) => {
      const row = rows.get(key)
      const isOver = row === undefined || row.endsAt <= Date.now()
      const counted = isOver ? { points: add, endsAt: Date.now() + windowMs } : { ...row, points: row.points + add }
      rows.set(key, counted)
      return counted
    })
  }
}

const now = () => new Date()
const limits = { perSource: 3, inAll: 8 }

function create(increment = countersInMemory()) {
  return createStrangerLimit(
    {
      increment,
      now,
      keyOf: async (kind: string, text: string) => `${kind}:hash of ${text}`,
      newAuditEvent: createNewAuditEvent(
        now,
        createNewId(now, (count) => Buffer.alloc(count, events.length)),
      ),
      writeAuditEvent: async (event) => {
        if (outage !== undefined) throw outage
        events.push(event)
      },
      alert: (code) => alerts.push(code),
    },
    limits,
  )
}

async function settled<T>(work: Promise<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(0)
  return work
}
/** How many of so many refusals at once are within the limits. */
async function within(limit: ReturnType<typeof create>, source: string, count: number): Promise<number> {
  const counted = await settled(Promise.all(Array.from({ length: count }, () => limit.count(source))))
  return counted.filter((instead) => instead === undefined).length
}
const bodies = () => events.map(({ body }) => JSON.parse(body) as Record<string, unknown>)

describe('what has an event of its own', () => {
  it('are the first of each source and of all, also when they come at once', async () => {
    const limit = create()
    expect(await within(limit, 'a', 10)).toBe(3)
    expect(await within(limit, 'b', 10)).toBe(3)
    expect(await within(limit, 'c', 10)).toBe(2)
    expect(await within(limit, 'd', 1)).toBe(0)
  })

  it('holds over servers', async () => {
    const increment = countersInMemory()
    const [one, other] = [create(increment), create(increment)]
    expect(await within(one, 'a', 2)).toBe(2)
    expect(await within(other, 'a', 5)).toBe(1)
    expect(await within(one, 'a', 1)).toBe(0)
  })

  it('begins again after a minute', async () => {
    const limit = create()
    expect(await within(limit, 'a', 5)).toBe(3)
    await vi.advanceTimersByTimeAsync(MINUTE_MS)
    expect(await within(limit, 'a', 5)).toBe(3)
  })

  it('does not run out for all through one source', async () => {
    const limit = create()
    for (let times = 0; times < 50; times++) await within(limit, 'a', 4)
    expect(await within(limit, 'b', 3)).toBe(3)
  })
})

describe('what is beyond', () => {
  it('is answered 429 with the seconds until the minute is over, and costs no statement', async () => {
    const limit = create()
    await within(limit, 'a', 3)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(await within(limit, 'a', 1)).toBe(0)
    const before = statements
    const instead = await limit.count('a')
    expect(instead).toMatchObject({ code: 'too-many-requests', retryAfterSeconds: 40 })
    for (let times = 0; times < 1000; times++) await limit.count('a')
    expect(statements).toBe(before)
  })

  it('is one event each time that it is written, with how many, and when the first and the last came', async () => {
    const limit = create()
    await within(limit, 'a', 3)
    await vi.advanceTimersByTimeAsync(1_000)
    await within(limit, 'a', 20)
    await within(limit, 'b', 13)
    await vi.advanceTimersByTimeAsync(30_000)
    await within(limit, 'a', 7)
    expect(events).toEqual([])
    await vi.advanceTimersByTimeAsync(30_000)
    await limit.flush()
    const at = (milliseconds: number) => new Date(START.getTime() + milliseconds).toISOString()
    const facts = { type: 'request.refuse', outcome: 'refused', code: 'too-many-requests' }
    expect(bodies()).toEqual([
      {
        ...facts,
        format: 1,
        id: events[0]!.id,
        at: at(61_000),
        count: 37,
        since: at(1_000),
        until: at(31_000),
        sources: ['a', 'b'],
      },
    ])
    await limit.flush()
    expect(events).toHaveLength(1)
  })

  it('is written at the end, and then nothing is left', async () => {
    const limit = create()
    await within(limit, 'a', 5)
    await limit.flush()
    await limit.flush()
    expect(bodies()).toEqual([expect.objectContaining({ count: 2 })])
  })

  it('is kept while the log cannot be written, together with later refusals', async () => {
    const limit = create()
    outage = new Problem('audit-unavailable')
    await within(limit, 'a', 5)
    await expect(limit.flush()).rejects.toBe(outage)
    await within(limit, 'a', 4)
    await expect(limit.flush()).rejects.toBe(outage)
    expect(events).toEqual([])
    outage = undefined
    await limit.flush()
    expect(bodies()).toEqual([expect.objectContaining({ count: 6, since: START.toISOString() })])
  })

  it('is an alert, once for each flood', async () => {
    const limit = create()
    for (let minute = 0; minute < 5; minute++) {
      await within(limit, 'a', 10)
      await vi.advanceTimersByTimeAsync(MINUTE_MS)
    }
    expect(alerts).toEqual(['refusals-flooded'])
    await vi.advanceTimersByTimeAsync(3 * MINUTE_MS)
    await within(limit, 'a', 10)
    expect(alerts).toEqual(['refusals-flooded', 'refusals-flooded'])
  })
})

describe('what the vault fails at', () => {
  it('is limited in the same numbers, without asking the database, and is one event of its own', async () => {
    const limit = create()
    const over = (source: string, count: number) =>
      Array.from({ length: count }, () => limit.countFailure(source)).filter(Boolean).length
    expect([over('a', 5), over('b', 5), over('c', 5), over('d', 2)]).toEqual([2, 2, 3, 2])
    expect(statements).toBe(0)
    await within(limit, 'e', 4)
    await limit.flush()
    expect(bodies()).toMatchObject([
      { outcome: 'failed', count: 9, sources: ['a', 'b', 'c', 'd'] },
      { outcome: 'refused', count: 1, sources: ['e'] },
    ])
    await vi.advanceTimersByTimeAsync(MINUTE_MS)
    expect(over('a', 3)).toBe(0)
  })

  it('names at most twenty sources of refusals that were counted together', async () => {
    const limit = create()
    for (let source = 0; source < 40; source++) limit.countFailure(`source ${source}`)
    await limit.flush()
    expect((bodies()[0]!.sources as string[]).length).toBe(20)
  })
})

it('refuses to go uncounted', async () => {
  const limit = create(async () => {
    throw new Problem('database-unavailable')
  })
  const counting = limit.count('a')
  counting.catch(() => {})
  await vi.advanceTimersByTimeAsync(0)
  await expect(counting).rejects.toMatchObject({ code: 'database-unavailable' })
})
