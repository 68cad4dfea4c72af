import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { testKeyRow } from '../../../test/support/test-keys.ts'
import { expiryOf, MAX_USES } from '../key/cryptoperiod.ts'
import type { KeyRow } from '../key/key.ts'
import { OVERLAP_MS, planSigningKeys, publishedPurposes } from './signing-plan.ts'

const LONGEST_TOKEN_SECONDS = 8 * 60 * 60
const START = new Date('2026-11-24T10:00:00Z')
const DAY_MS = 24 * 60 * 60 * 1000
const day = (days: number, ms = 0) => new Date(START.getTime() + days * DAY_MS + ms)
const plan = (rows: readonly KeyRow[], now: Date) => planSigningKeys('token-signing', rows, now, LONGEST_TOKEN_SECONDS)
const JWKS_OVERLAP_MS = OVERLAP_MS['token-signing']

const active = (changes: Partial<KeyRow> = {}) =>
  testKeyRow({
    id: 'active',
    purpose: 'token-signing',
    state: 'active',
    activated_at: START,
    expires_at: expiryOf('token-signing', START),
    ...changes,
  })
const next = (created: Date) =>
  testKeyRow({ id: 'next', purpose: 'token-signing', state: 'pre-active', created_at: created })

describe('the plan for token-signing keys', () => {
  it('is nothing before 80 % of the 90 days', () => {
    expect(plan([active()], day(0))).toEqual([])
    expect(plan([active()], day(72, -1))).toEqual([])
  })

  it('makes the next key at 80 % of the days, or of the uses', () => {
    expect(plan([active()], day(72))).toEqual([{ do: 'create' }])
    expect(plan([active({ uses: MAX_USES * 0.8 })], day(1))).toEqual([{ do: 'create' }])
  })

  it('lets the next key sign when its public key has been in the JWK Set for the overlap', () => {
    expect(plan([active(), next(day(72))], day(72, JWKS_OVERLAP_MS - 1))).toEqual([])
    expect(plan([active(), next(day(72))], day(72, JWKS_OVERLAP_MS))).toEqual([{ do: 'promote', id: 'next' }])
  })

  it('replaces an expired key at once, by the next one if there is one', () => {
    expect(plan([active()], day(90))).toEqual([{ do: 'replace' }])
    expect(plan([active({ uses: MAX_USES })], day(1))).toEqual([{ do: 'replace' }])
    expect(plan([active(), next(day(90, -1))], day(90))).toEqual([{ do: 'promote', id: 'next' }])
  })

  it('destroys a deactivated key when the longest token that it may have signed has expired', () => {
    const old = testKeyRow({ id: 'old', purpose: 'token-signing', state: 'deactivated', deactivated_at: day(1) })
    expect(plan([active(), old], day(1, LONGEST_TOKEN_SECONDS * 1000))).toEqual([])
    expect(plan([active(), old], day(1, LONGEST_TOKEN_SECONDS * 1000 + 60_001))).toEqual([{ do: 'destroy', id: 'old' }])
  })

  it('leaves keys of other purposes alone', () => {
    const others = [
      active({ id: 'display', purpose: 'display' }),
      testKeyRow({ id: 'old', purpose: 'secret', state: 'deactivated', deactivated_at: START }),
      active({ activated_at: day(300), expires_at: expiryOf('token-signing', day(300)) }),
    ]
    expect(plan(others, day(301))).toEqual([])
  })

  it('keeps a vault signing for ever, with every public key known before it signs unless all had expired', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 * 24 }), { minLength: 1, maxLength: 60 }), (hours) => {
        let rows: KeyRow[] = [active()]
        let now = START
        for (const step of hours) {
          now = new Date(now.getTime() + step * 60 * 60 * 1000)
          // As the task does: repeatedly, until nothing is due.
          for (let round = 0; plan(rows, now).length > 0; round++) {
            expect(round).toBeLessThan(4)
            rows = apply(rows, now)
          }
          const [signing, ...more] = rows.filter(({ state }) => state === 'active')
          expect(more).toEqual([])
          expect(now.getTime()).toBeLessThan(signing!.expires_at!.getTime())
          expect(rows.filter(({ state }) => state === 'pre-active').length).toBeLessThanOrEqual(1)
        }
      }),
    )
  })
})

it('plans for each purpose alone, for messages with a day before and a day after', () => {
  const message = (changes: Partial<KeyRow>) => active({ ...changes, purpose: 'message-signing' })
  const expires = { expires_at: expiryOf('message-signing', START) }
  const old = message({ id: 'old', state: 'deactivated', deactivated_at: day(1) })
  const planOf = (rows: readonly KeyRow[], now: Date) => planSigningKeys('message-signing', rows, now, 60)
  expect(planOf([message(expires), old], day(2, 60_000))).toEqual([])
  expect(planOf([message(expires), old], day(2, 60_001))).toEqual([{ do: 'destroy', id: 'old' }])
  expect(planOf([message(expires)], day(292))).toEqual([{ do: 'create' }])
  const upcoming = message({ id: 'next', state: 'pre-active', created_at: day(292) })
  expect(planOf([message(expires), upcoming], day(293, -1))).toEqual([])
  expect(planOf([message(expires), upcoming], day(293))).toEqual([{ do: 'promote', id: 'next' }])
  expect(plan([message(expires), upcoming, active()], day(1))).toEqual([])
  expect(publishedPurposes).toEqual(['token-signing', 'message-signing', 'receipt-signing', 'script-signing'])
})

function apply(rows: readonly KeyRow[], now: Date): KeyRow[] {
  let changed = rows.map((row) => ({ ...row }))
  const promote = (id: string) => {
    changed = changed.map((row) => {
      if (row.state === 'active') return { ...row, state: 'deactivated', deactivated_at: now }
      if (row.id !== id) return row
      const early = now.getTime() - row.created_at.getTime() < JWKS_OVERLAP_MS
      if (early)
        expect(rows.find(({ state }) => state === 'active')!.expires_at!.getTime()).toBeLessThanOrEqual(now.getTime())
      return { ...row, state: 'active', activated_at: now, expires_at: expiryOf('token-signing', now) }
    })
  }
  for (const step of plan(rows, now)) {
    if (step.do === 'destroy') changed = changed.filter(({ id }) => id !== step.id)
    else if (step.do === 'promote') promote(step.id)
    else {
      const id = `key${changed.length}-${now.getTime()}`
      changed.push(testKeyRow({ id, purpose: 'token-signing', state: 'pre-active', created_at: now }))
      if (step.do === 'replace') promote(id)
    }
  }
  return changed
}

it('keeps the key of receipts for ten years, since a person may show one so late', () => {
  const old = active({ id: 'old', purpose: 'receipt-signing', state: 'deactivated', deactivated_at: day(1) })
  const now = active({ purpose: 'receipt-signing', expires_at: day(20 * 365) })
  const planOf = (at: Date) => planSigningKeys('receipt-signing', [now, old], at, 60)
  expect(planOf(day(1 + 3650, 60_000))).toEqual([])
  expect(planOf(day(1 + 3650, 60_001))).toEqual([{ do: 'destroy', id: 'old' }])
})

it('keeps the key of scripts for 90 days, so that a page which pins it works until the shop has changed it', () => {
  const old = active({ id: 'old', purpose: 'script-signing', state: 'deactivated', deactivated_at: day(1) })
  const now = active({ purpose: 'script-signing', expires_at: day(365) })
  const planOf = (at: Date) => planSigningKeys('script-signing', [now, old], at, 60)
  expect(planOf(day(91, 60_000))).toEqual([])
  expect(planOf(day(91, 60_001))).toEqual([{ do: 'destroy', id: 'old' }])
})
