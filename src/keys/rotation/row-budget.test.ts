import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRowBudget } from './row-budget.ts'

/** A clock that moves only for waits, and for the work between them. */
function simulated() {
  let at = 1_000
  return {
    clock: {
      now: () => at,
      wait: async (ms: number) => {
        expect(ms).toBeGreaterThan(0)
        at += ms
      },
    },
    work: (ms: number) => {
      at += ms
    },
    get at() {
      return at
    },
  }
}

const page = fc.record({
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  workMs: fc.integer({ min: 0, max: 2_000 }),
})

describe('a limited budget', () => {
  it('never lets more through than its rate, over the time from the first page to any other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50_000 }), fc.array(page, { maxLength: 60 }), async (rate, pages) => {
        const time = simulated()
        const budget = createRowBudget(rate, time.clock)
        const from = time.at
        let spent = 0
        for (const { share, workMs } of pages) {
          time.work(workMs)
          const count = Math.round(share * budget.pageRows)
          await budget.spend(count)
          spent += count
          // What a quarter of a second is worth may have been saved up.
          expect(spent).toBeLessThanOrEqual(((time.at - from) / 1000) * rate + rate / 4 + 1e-6)
        }
      }),
    )
  })

  it('lets as much through as its rate when there is work enough', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 8, max: 50_000 }), async (rate) => {
        const time = simulated()
        const budget = createRowBudget(rate, time.clock)
        const from = time.at
        let spent = 0
        for (let pages = 0; pages < 100; pages++) {
          await budget.spend(budget.pageRows)
          spent += budget.pageRows
        }
        expect(spent / ((time.at - from) / 1000)).toBeCloseTo(rate, 0)
      }),
    )
  })

  it('has pages so small that it runs evenly, and at least one row in each', () => {
    const { clock } = simulated()
    expect(createRowBudget(1, clock).pageRows).toBe(1)
    expect(createRowBudget(400, clock).pageRows).toBe(100)
    expect(createRowBudget(1_000_000, clock).pageRows).toBe(500)
  })
})

describe('no limit', () => {
  it('waits for nothing', async () => {
    const budget = createRowBudget(undefined, { now: () => 0, wait: () => Promise.reject(new Error('waited')) })
    await budget.spend(1_000_000)
    expect(budget.pageRows).toBe(500)
  })
})
