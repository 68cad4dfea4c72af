import { describe, expect, it } from 'vitest'
import { dueAt, extendedFrom, jurisdictionNames, requestKinds } from './jurisdictions.ts'

const on = (day: string) => new Date(`${day}T10:30:00Z`)

describe('until when a request must be answered', () => {
  it.each([
    ['gdpr', 'access', '2026-11-24', '2026-12-24'],
    // A month ends with the last day of a shorter month.
    ['gdpr', 'erase', '2026-01-31', '2026-02-28'],
    ['gdpr', 'access', '2028-01-31', '2028-02-29'],
    ['gdpr', 'access', '2026-12-31', '2027-01-31'],
    ['ccpa', 'access', '2026-11-24', '2027-01-08'],
    ['ccpa', 'withdraw', '2026-11-24', '2026-12-09'],
    ['pdpa', 'access', '2026-11-24', '2026-12-24'],
    ['lgpd', 'correct', '2026-11-24', '2026-12-09'],
  ] as const)('%s, %s: from %s to %s', (jurisdiction, kind, from, to) => {
    expect(dueAt(jurisdiction, kind, on(from))).toEqual(on(to))
  })

  it('is later than the request under every law, for every kind', () => {
    for (const jurisdiction of jurisdictionNames) {
      for (const kind of requestKinds) {
        expect(dueAt(jurisdiction, kind, on('2026-11-24')).getTime()).toBeGreaterThan(on('2026-11-24').getTime())
      }
    }
  })

  it('is extended once where the law allows that', () => {
    expect(extendedFrom('gdpr', on('2026-12-31'))).toEqual(on('2027-02-28'))
    expect(extendedFrom('ccpa', on('2026-12-01'))).toEqual(on('2027-01-15'))
    expect(extendedFrom('pdpa', on('2026-12-01'))).toBeUndefined()
  })
})
