import { describe, expect, it } from 'vitest'
import { createRandomBytes } from '../../values/random.ts'
import { createVisitCounter } from './visit-counter.ts'
import { visitsByDay } from './visit-report.ts'

const DAY = 24 * 60 * 60 * 1000

function counterOn(begin: string) {
  const clock = { now: new Date(begin) }
  const counter = createVisitCounter({ now: () => clock.now, randomBytes: createRandomBytes() })
  const view = (address: string, entry: 'shop' | 'elsewhere' | 'unnamed' = 'shop') =>
    counter.viewed({ page: 'hosted', entry, address })
  return { clock, counter, view }
}

describe('visits', () => {
  it('counts views, and each visitor once a day', () => {
    const { clock, counter, view } = counterOn('2026-11-24T23:00:00Z')
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2']) view(address)
    clock.now = new Date(clock.now.getTime() + DAY)
    view('192.0.2.1')
    const [first, second] = counter.take()
    expect(first).toMatchObject({ day: '2026-11-24' })
    expect(Object.fromEntries(first!.counts)).toEqual({ 'views:hosted': 3, 'entry:shop': 3, visitors: 2 })
    expect(Object.fromEntries(second!.counts)).toEqual({ 'views:hosted': 1, 'entry:shop': 1, visitors: 1 })
    expect(counter.take()).toEqual([])
    // What was taken is forgotten, who was seen is not.
    view('192.0.2.1')
    expect(Object.fromEntries(counter.take()[0]!.counts)).not.toHaveProperty('visitors')
  })

  it('puts times into classes', () => {
    const { counter } = counterOn('2026-11-24T10:00:00Z')
    for (const seconds of [0, 10, 11, 60, 601]) counter.ended({ page: 'hosted', seconds, exit: 'left' })
    counter.ended({ page: 'framed', seconds: 100, exit: 'stored' })
    expect(Object.fromEntries(counter.take()[0]!.counts)).toEqual({
      ...{ 'exit:left': 5, 'exit:stored': 1 },
      ...{ 'time:10s': 2, 'time:30s': 1, 'time:60s': 1, 'time:180s': 1, 'time:longer': 1 },
    })
  })

  it('shows no count of a few, and none that follows from the others', () => {
    const of = (counts: Record<string, number>) =>
      visitsByDay(Object.entries(counts).map(([measure, count]) => ({ day: '2026-11-24', measure, count })))[0]!
    expect(of({ visitors: 4 }).visitors).toBeNull()
    expect(of({ visitors: 5 }).visitors).toBe(5)
    expect(of({ 'entry:shop': 90, 'entry:unnamed': 40, 'entry:elsewhere': 2 }).entry).toEqual({
      ...{ shop: 90, unnamed: null, elsewhere: null },
    })
    expect(of({ 'exit:stored': 90, 'exit:left': 40 }).exit).toEqual({ stored: 90, left: 40 })
    expect(of({ 'time:10s': 1, 'time:30s': 2, 'time:60s': 30, 'time:180s': 40 }).time).toEqual({
      ...{ '10s': null, '30s': null, '60s': null, '180s': 40 },
    })
  })

  it('shows no sum from which two small counts follow', () => {
    const of = (counts: Record<string, number>) =>
      visitsByDay(Object.entries(counts).map(([measure, count]) => ({ day: '2026-11-24', measure, count })))[0]!
    // Of 102 views 100 came from the shop: one from elsewhere, and one that names no page.
    const entries = { 'entry:shop': 100, 'entry:elsewhere': 1, 'entry:unnamed': 1 }
    expect(of({ 'views:hosted': 102, ...entries })).toMatchObject({
      views: { hosted: 102 },
      entry: { shop: null, elsewhere: null, unnamed: null },
    })
    // Eight in all: four each.
    expect(of({ 'exit:stored': 4, 'exit:left': 4, 'time:10s': 8 })).toMatchObject({
      exit: { stored: null, left: null },
      time: { '10s': null },
    })
  })

  it('destroys the key of a day when it is over, also when no visit follows', () => {
    const clock = { now: new Date('2026-11-24T23:00:00Z') }
    const keys: Buffer[] = []
    const randomBytes = (size: number) => {
      const key = createRandomBytes()(size)
      keys.push(key)
      return key
    }
    const counter = createVisitCounter({ now: () => clock.now, randomBytes })
    counter.viewed({ page: 'hosted', entry: 'shop', address: '192.0.2.1' })
    counter.take()
    expect(keys[0]!.every((byte) => byte === 0)).toBe(false)
    clock.now = new Date(clock.now.getTime() + 2 * 60 * 60 * 1000)
    counter.take()
    expect(keys[0]!.every((byte) => byte === 0)).toBe(true)
  })
})
