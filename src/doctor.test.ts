import { describe, expect, it } from 'vitest'
import { readConfig } from './config.ts'
import type { ActiveKey, DatabaseFacts } from './database/inspect.ts'
import { knownMigrations } from './database/migrate.ts'
import { examineDatabase } from './doctor.ts'

const START = new Date('2026-11-24T10:00:00Z')
const onDay = (days: number) => new Date(START.getTime() + days * 24 * 60 * 60 * 1000)
const key: ActiveKey = {
  id: 'key_1',
  purpose: 'secret',
  state: 'active',
  activated_at: START,
  expires_at: onDay(365),
  uses: 7,
  isCounted: true,
}

const factsWith = (activeKeys: ActiveKey[]): DatabaseFacts => ({
  role: 'server',
  migrations: [...knownMigrations],
  canRewriteAudit: false,
  notDurable: [],
  logsParameters: [],
  sampleCallers: 0,
  activeKeys,
})
const examine = (days: number, keys = [key]) => examineDatabase(readConfig({}), factsWith(keys), onDay(days))

describe('the doctor, about keys', () => {
  it('finds nothing while they are young', () => {
    expect(examine(291)).toEqual([])
  })

  it('warns of a key that should be rotated soon, and says how', () => {
    expect(examine(292)).toEqual([
      {
        code: 'key-expiring',
        severity: 'warning',
        detail: expect.stringMatching(/key_1.*2027-11-24.*7 of 2147483648.*"strongroom keys rotate data"/),
      },
    ])
  })

  it('warns of a key that has expired; it refuses no start, since reads go on', () => {
    expect(examine(366)).toMatchObject([{ code: 'key-expired', severity: 'warning' }])
    const [ofRoot] = examine(366, [{ ...key, purpose: 'root' }])
    expect(ofRoot?.detail).toMatch(/is past its time.*"strongroom keys rotate root"/)
  })

  it('names a key whose count is missing, and how to go on', () => {
    expect(examine(1, [{ ...key, isCounted: false, uses: 0 }])).toEqual([
      {
        code: 'key-uncounted',
        severity: 'warning',
        detail: expect.stringMatching(/key_1 in "key_uses" is missing.*"strongroom keys rotate data"/),
      },
    ])
  })
})
