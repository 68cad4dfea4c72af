import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Problem } from '../../values/problem.ts'
import { createNewAuditEvent } from '../event/new-audit-event.ts'
import { watchOutage } from './outage.ts'

let isAway = true
let events: Record<string, unknown>[] = []
let alarms: string[] = []
let renewals = 0
const VAULT = { id: 'strongroom', kind: 'vault' } as const

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-11-24T10:00:00Z') })
  isAway = true
  events = []
  alarms = []
})
afterEach(() => vi.useRealTimers())

const start = (onWrite: () => void = () => {}) =>
  watchOutage({
    caller: VAULT,
    database: { renew: () => void renewals++ },
    now: () => new Date(),
    newAuditEvent: createNewAuditEvent(
      () => new Date(),
      () => 'evt_1',
    ),
    alert: (code) => alarms.push(code),
    writeAuditEvent: async ({ body }) => {
      if (isAway) throw new Problem('audit-unavailable')
      onWrite()
      events.push(JSON.parse(body))
    },
  })
const refused = { audited: true, status: 503, code: 'audit-unavailable' }

it('counts what is refused while the log is away, alarms once, and records the gap when it is back', async () => {
  const outage = start()
  outage.observe(refused)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(renewals).toBeGreaterThan(0)
  // Whatever the reason now: the log is away.
  outage.observe({ ...refused, code: 'sealed' })
  outage.observe(refused)
  isAway = false
  await vi.advanceTimersByTimeAsync(1_000)
  expect(alarms).toEqual(['audit-unavailable'])
  expect(events).toMatchObject([
    {
      type: 'audit.gap',
      outcome: 'failed',
      caller: VAULT,
      code: 'audit-unavailable',
      count: 3,
      since: '2026-11-24T10:00:00.000Z',
      until: '2026-11-24T10:00:06.000Z',
    },
  ])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(events).toHaveLength(1)
})

it('takes no other answer for an outage', async () => {
  const outage = start()
  isAway = false
  outage.observe({ ...refused, code: 'sealed' })
  outage.observe({ ...refused, code: 'busy' })
  outage.observe({ audited: false, status: 503, code: 'database-unavailable' })
  outage.observe({ audited: true, status: 200, code: undefined })
  outage.observe({ audited: true, status: 500, code: 'internal' })
  await vi.advanceTimersByTimeAsync(10_000)
  expect([events, alarms]).toEqual([[], []])
})

it('takes a log that hangs for an outage, once nothing was answered for ten seconds', async () => {
  const outage = start()
  const busy = { ...refused, code: 'busy' }
  outage.observe(busy)
  await vi.advanceTimersByTimeAsync(9_000)
  outage.observe({ audited: true, status: 201, code: undefined })
  outage.observe(busy)
  await vi.advanceTimersByTimeAsync(9_000)
  outage.observe(busy)
  expect(alarms).toEqual([])
  await vi.advanceTimersByTimeAsync(1_000)
  outage.observe(busy)
  expect(alarms).toEqual(['audit-unavailable'])
  isAway = false
  await vi.advanceTimersByTimeAsync(1_000)
  expect(events).toMatchObject([{ code: 'busy', count: 3, since: '2026-11-24T10:00:09.000Z' }])
})

it('forgets no call that is refused while the gap is being recorded', async () => {
  let once = true
  const outage = start(() => {
    if (once) outage.observe(refused)
    once = false
  })
  outage.observe(refused)
  outage.observe(refused)
  isAway = false
  await vi.advanceTimersByTimeAsync(5_000)
  expect(events.map(({ count }) => count)).toEqual([2, 1])
  expect(alarms).toHaveLength(1)
})

it('alarms again when the log fails much later, not when it fails at once', async () => {
  const outage = start()
  for (const [pauseMs, alarmsSoFar] of [
    [0, 1],
    [5_000, 1],
    [120_000, 2],
  ] as const) {
    await vi.advanceTimersByTimeAsync(pauseMs)
    isAway = true
    outage.observe(refused)
    expect(alarms).toHaveLength(alarmsSoFar)
    isAway = false
    await vi.advanceTimersByTimeAsync(2_000)
  }
  expect(events).toHaveLength(3)
})

it('records the gap at the stop if it can', async () => {
  const outage = start()
  outage.observe(refused)
  isAway = false
  await outage.stop()
  expect(events).toMatchObject([{ count: 1 }])
  await vi.advanceTimersByTimeAsync(10_000)
  expect(events).toHaveLength(1)
})
