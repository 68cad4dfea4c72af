import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { advanceFrontier, type Frontier, settledBelow } from './frontier.ts'

const START: Frontier = { next: 0, gaps: [] }
const NONE = new Set<string>()

describe('the frontier of positions', () => {
  it('keeps as gaps what is missing below what was seen', () => {
    const frontier = advanceFrontier(START, [0, 1, 4, 7], NONE)
    expect(frontier.next).toBe(8)
    expect(frontier.gaps.map(({ from, to }) => [from, to])).toEqual([
      [2, 4],
      [5, 7],
    ])
    expect(settledBelow(frontier)).toBe(2)
  })

  it('gives a gap up only when every transaction that ran when it was known has ended', () => {
    const seen = advanceFrontier(START, [0, 2], NONE)
    const known = advanceFrontier(seen, [], new Set(['1/1', '2/2']))
    expect(known.gaps).toHaveLength(1)
    // Another one that began later does not matter, one of the two that still runs does.
    expect(advanceFrontier(known, [], new Set(['2/2', '3/3'])).gaps).toHaveLength(1)
    expect(advanceFrontier(known, [], new Set(['3/3']))).toEqual({ next: 3, gaps: [] })
  })

  it('does not give up a gap in the very look in which it learns of it', () => {
    expect(advanceFrontier(START, [1], NONE).gaps).toHaveLength(1)
    expect(advanceFrontier(advanceFrontier(START, [1], NONE), [], NONE).gaps).toHaveLength(1)
  })

  it('splits a gap around what is found in it, and waits for the rest', () => {
    const waiting = advanceFrontier(advanceFrontier(START, [5], NONE), [], new Set(['1/1']))
    const split = advanceFrontier(waiting, [2], new Set(['1/1']))
    expect(split.gaps.map(({ from, to }) => [from, to])).toEqual([
      [0, 2],
      [3, 5],
    ])
    expect(advanceFrontier(split, [0, 4], NONE)).toEqual({ next: 6, gaps: [] })
  })

  it('sees every committed position exactly once, in any order of commits and failures', () => {
    const transaction = fc.record({ commitsAfter: fc.nat(6), fails: fc.boolean() })
    fc.assert(
      fc.property(fc.array(transaction, { maxLength: 40 }), (transactions) => {
        let frontier = START
        const seen: number[] = []
        // One transaction takes its position at each look; it ends so many looks later.
        for (let look = 0; look < transactions.length + 10; look++) {
          const runs = (at: number) => at <= look && look < at + transactions[at]!.commitsAfter
          const running = new Set(transactions.flatMap((_, at) => (runs(at) ? [String(at)] : [])))
          const committed = transactions.flatMap(({ fails }, at) => (at <= look && !runs(at) && !fails ? [at] : []))
          const found = committed.filter(
            (at) => at >= frontier.next || frontier.gaps.some(({ from, to }) => from <= at && at < to),
          )
          frontier = advanceFrontier(frontier, found, running)
          seen.push(...found)
        }
        const all = transactions.flatMap(({ fails }, at) => (fails ? [] : [at]))
        expect([...seen].sort((a, b) => a - b)).toEqual(all)
        expect(frontier.gaps).toEqual([])
      }),
    )
  })
})
