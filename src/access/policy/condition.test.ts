import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Caller } from './caller.ts'
import { findUnmet, isWithin, stricter } from './condition.ts'
import type { Conditions } from './roles.ts'

const caller: Caller = {
  id: 'staff:Ann',
  kind: 'staff',
  role: 'billing',
  site: 'shop-1',
  scopes: new Set(),
  purposes: new Set(),
}
/** A Tuesday. */
const at = (time: string) => new Date(`2026-11-24T${time}Z`)

describe('findUnmet', () => {
  const met = { now: at('10:00'), reason: true, ticket: true, authority: true, approved: true }
  const bound = { ...caller, confirmation: 'dpop' } as const
  const everything: Conditions = {
    reason: true,
    ticket: true,
    authority: true,
    approval: true,
    sender_constrained: true,
    sites: ['shop-1', 'shop-2'],
    hours: { from: '09:00', to: '17:00' },
  }

  it('finds nothing when all is so', () => {
    expect(findUnmet(everything, bound, met)).toBeUndefined()
    expect(findUnmet({}, caller, {})).toBeUndefined()
  })

  it.each([
    ['reason', { ...met, reason: false }, bound, 'condition-not-met'],
    ['authority', { ...met, ticket: undefined }, bound, 'condition-not-met'],
    ['authority', { ...met, authority: undefined }, bound, 'condition-not-met'],
    ['approval', { ...met, approved: false }, bound, 'approval-required'],
    ['hours', { ...met, now: at('17:00') }, bound, 'condition-not-met'],
    ['hours', { ...met, now: undefined }, bound, 'condition-not-met'],
    ['sites', met, { ...bound, site: 'shop-3' }, 'condition-not-met'],
    ['sender_constrained', met, caller, 'unauthenticated'],
    ['sender_constrained', met, { ...caller, confirmation: undefined }, 'unauthenticated'],
    ['sender_constrained', met, { ...caller, isTrial: true }, 'unauthenticated'],
  ] as const)('finds %s alone', (condition, circumstances, who, code) => {
    const found = findUnmet(everything, who, circumstances)
    expect({ condition: found?.condition, code: found?.problem.code }).toEqual({ condition, code })
  })

  it('finds a ticket alone', () => {
    const found = findUnmet({ ticket: true }, caller, { ...met, ticket: false })
    expect(found).toMatchObject({ condition: 'ticket', problem: { code: 'condition-not-met' } })
  })

  it('points at what an authority’s request lacks', () => {
    const pointers = (given: object) =>
      findUnmet({ authority: true, ticket: true }, caller, given)?.problem.errors.map(({ pointer }) => pointer)
    expect(pointers({})).toEqual(['#/ticket', '#/authority'])
    expect(pointers({ ticket: true })).toEqual(['#/authority'])
    expect(pointers({ authority: true })).toEqual(['#/ticket'])
    expect(pointers({ authority: true, ticket: true })).toBeUndefined()
  })

  it('takes a trial token where that will do, and a bound one anywhere', () => {
    const lenient: Conditions = { sender_constrained: 'unless-trial' }
    expect(findUnmet(lenient, { ...caller, isTrial: true }, {})).toBeUndefined()
    expect(findUnmet(lenient, bound, {})).toBeUndefined()
    expect(findUnmet(lenient, caller, {})).toMatchObject({ condition: 'sender_constrained' })
  })
})

describe('isWithin', () => {
  it.each([
    [{ from: '09:00', to: '17:00' }, '08:59', false],
    [{ from: '09:00', to: '17:00' }, '09:00', true],
    [{ from: '09:00', to: '17:00' }, '16:59', true],
    [{ from: '09:00', to: '17:00' }, '17:00', false],
    [{ from: '09:00', to: '17:00', time_zone: 'Asia/Singapore' }, '01:00', true],
    [{ from: '09:00', to: '17:00', time_zone: 'Asia/Singapore' }, '09:00', false],
    [{ from: '00:00', to: '23:59', days: [1, 3, 4, 5, 6, 7] }, '10:00', false],
    [{ from: '00:00', to: '23:59', days: [2] }, '10:00', true],
    [{ from: '22:00', to: '06:00', days: [2] }, '23:00', true],
    [{ from: '22:00', to: '06:00', days: [2] }, '05:00', false],
    [{ from: '22:00', to: '06:00', days: [1] }, '05:00', true],
    [{ from: '22:00', to: '06:00', days: [1] }, '23:00', false],
  ])('%j at %s on a Tuesday in UTC: %s', (hours, time, expected) => {
    expect(isWithin(hours, at(time))).toBe(expected)
  })
})

describe('stricter', () => {
  it('never allows more than either of the two', () => {
    const limit = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined })
    const budget = fc.record({ per_hour: limit, per_day: limit, beyond: fc.constantFrom('refuse', 'suspend') })
    fc.assert(
      fc.property(budget, budget, (one, other) => {
        const both = stricter(one as never, other as never)
        const least = (a?: number, b?: number) => Math.min(a ?? Infinity, b ?? Infinity)
        expect(both?.per_hour ?? Infinity).toBe(least(one.per_hour, other.per_hour))
        expect(both?.per_day ?? Infinity).toBe(least(one.per_day, other.per_day))
        expect(both?.beyond === 'suspend').toBe([one.beyond, other.beyond].includes('suspend'))
      }),
    )
    expect(stricter({ per_hour: 3 }, undefined)).toEqual({ per_hour: 3 })
  })

  it('keeps the total of either, and the stricter of two', () => {
    const total = { per_day: 9, beyond: 'suspend' } as const
    expect(stricter({ per_day: 2 }, { total })).toMatchObject({ per_day: 2, total })
    expect(stricter({ total }, { per_day: 2 })).toMatchObject({ per_day: 2, total })
    expect(stricter({ total }, { total: { per_day: 12, per_hour: 4 } })?.total).toEqual({ ...total, per_hour: 4 })
  })
})
