import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stretchAt, takeTurns } from './heap-order.ts'

describe('a walk over a table as it lies', () => {
  it('begins at its first page, and continues where the stretch before has ended', () => {
    const first = stretchAt(undefined, 64)
    expect(first).toEqual({ from: '(0,0)', to: '(64,0)', end: 64 })
    expect(stretchAt([first.end], 64)).toEqual({ from: '(64,0)', to: '(128,0)', end: 128 })
  })

  const anyRows = fc.array(fc.record({ page: fc.nat(20), row: fc.integer({ min: 1, max: 30 }) }), { maxLength: 200 })

  it('takes every row once, and no two of a page before every other page has had its turn', () => {
    fc.assert(
      fc.property(anyRows, (places) => {
        const rows = places.map(({ page, row }, id) => ({ id, page, place: `(${page},${row})` }))
        const taken = takeTurns(rows, 'place')
        expect(taken.map(({ id }) => id).sort((a, b) => a - b)).toEqual(rows.map(({ id }) => id))
        const turns = new Map<number, number>()
        let turn = 0
        let last = -1
        for (const { page } of taken) {
          const own = turns.get(page) ?? 0
          turns.set(page, own + 1)
          expect(own).toBeGreaterThanOrEqual(turn)
          // Within a turn the pages come in their order.
          if (own === turn) expect(page).toBeGreaterThan(last)
          turn = own
          last = page
        }
      }),
    )
  })

  it('takes rows without a place as well', () => {
    expect(takeTurns([{ place: null }, { place: '(3,1)' }], 'place')).toHaveLength(2)
  })
})
