import { describe, expect, it } from 'vitest'
import { databaseTime, examineClock, readClockLead } from './clock.ts'
import type { Queryable } from './database.ts'

describe('readClockLead', () => {
  /** Asked at one time and answered at another of this machine's. */
  const lead = (ms: number, asked: number, answered: number) => {
    const times = [asked, answered].values()
    const db = { query: async () => [{ ms }] } as unknown as Queryable
    return readClockLead(db, () => times.next().value!)
  }

  it.each([
    [1_000, 990, 1_020, 0],
    [1_000, 1_000, 1_000, 0],
    [1_000, 91_000, 91_300, 90_000],
    [91_000, 1_000, 1_400, -89_600],
    // An answer that took minutes says nothing of the clock.
    [200_000, 1_000, 400_000, 0],
  ])('database %i, asked at %i, answered at %i: %i ahead', async (ms, asked, answered, expected) => {
    expect(await lead(ms, asked, answered)).toBe(expected)
  })
})

describe('examineClock', () => {
  it.each([0, 59_000, -60_000, 60_000, undefined])('finds nothing at %s ms', (ms) => {
    expect(examineClock(ms)).toEqual([])
  })

  it.each([
    [61_000, '61 s ahead of'],
    [-3_600_000, '3600 s behind'],
  ])('refuses at %i ms', (ms, lead) => {
    const [finding] = examineClock(ms)
    expect(finding).toMatchObject({ code: 'clock', detail: expect.stringContaining(`${lead} the database's`) })
    expect(finding).not.toHaveProperty('severity')
  })

  it('warns what takes access away', () => {
    expect(examineClock(61_000, { takesAccessAway: true })).toMatchObject([{ code: 'clock', severity: 'warning' }])
  })
})

it("the database's time is this machine's without its lead", () => {
  const ahead = databaseTime(3_600_000)().getTime()
  expect(Math.abs(Date.now() - 3_600_000 - ahead)).toBeLessThan(60_000)
})
