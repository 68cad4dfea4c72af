import fc from 'fast-check'
import { expect, it } from 'vitest'
import { NumberRanges } from './number-ranges.ts'

const ranges = fc.array(fc.record({ from: fc.integer({ min: 1, max: 40 }), width: fc.integer({ min: 0, max: 6 }) }), {
  maxLength: 12,
})

function numbersOf(set: Iterable<{ from: number; to: number }>): number[] {
  return [...set].flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, at) => from + at))
}

it('holds what a set of numbers holds', () => {
  fc.assert(
    fc.property(ranges, ranges, (added, removed) => {
      const set = new NumberRanges()
      const expected = new Set<number>()
      for (const { from, width } of added) {
        set.add(from, from + width)
        for (let number = from; number <= from + width; number++) expected.add(number)
      }
      set.remove(removed.map(({ from, width }) => ({ from, to: from + width })))
      for (const { from, width } of removed) {
        for (let number = from; number <= from + width; number++) expected.delete(number)
      }
      const sorted = [...expected].sort((one, other) => one - other)
      expect(numbersOf(set)).toEqual(sorted)
      expect(set.count).toBe(expected.size)
      expect(set.first).toBe(sorted[0])
      const all = Array.from({ length: 40 }, (_, at) => at + 1)
      expect(numbersOf(set.missing(1, 41))).toEqual(all.filter((number) => !expected.has(number)))
      expect(all.filter((number) => set.has(number))).toEqual(sorted.filter((number) => number <= 40))
      expect(NumberRanges.parse(set.texts())?.texts()).toEqual(set.texts())
      // Two ranges that touch are one.
      const written = [...set]
      for (const [at, { from }] of written.entries()) if (at > 0) expect(from).toBeGreaterThan(written[at - 1]!.to + 1)
    }),
  )
})

it('reads nothing but ranges', () => {
  for (const text of ['', '-', '5-', '7-5', '1.5', 'x']) expect(NumberRanges.parse([text]), text).toBeUndefined()
})
