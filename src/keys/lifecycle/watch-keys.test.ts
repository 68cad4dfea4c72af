import { beforeEach, describe, expect, it } from 'vitest'
import { testKeyRow } from '../../../test/support/test-keys.ts'
import type { AlertCode, AlertFacts } from '../../observability/alert.ts'
import { expiryOf, MAX_USES } from '../key/cryptoperiod.ts'
import type { KeyPurpose, KeyRow } from '../key/key.ts'
import { createKeyWatch, findWornKeys } from './watch-keys.ts'

const START = new Date('2026-11-24T10:00:00Z')
const DAY_MS = 24 * 60 * 60 * 1000
const onDay = (days: number) => new Date(START.getTime() + days * DAY_MS)

const active = (purpose: KeyPurpose, changes: Partial<KeyRow> = {}) =>
  testKeyRow({
    id: `key_${purpose}`,
    purpose,
    state: 'active',
    activated_at: START,
    expires_at: expiryOf(purpose, START),
    ...changes,
  })

describe('findWornKeys', () => {
  it.each([
    ['display', 365],
    ['secret', 365],
    ['index', 730],
    ['audit-signing', 365],
  ] as const)('finds a %s key from 80 % of its %i days on, and knows when it has expired', (purpose, days) => {
    const key = active(purpose)
    expect(findWornKeys([key], onDay(days * 0.8 - 0.01))).toEqual([])
    expect(findWornKeys([key], onDay(days * 0.8))).toEqual([{ ...key, expired: false }])
    expect(findWornKeys([key], onDay(days - 0.01))).toEqual([{ ...key, expired: false }])
    expect(findWornKeys([key], onDay(days))).toEqual([{ ...key, expired: true }])
  })

  it('counts uses as well, including those that servers hold', () => {
    expect(findWornKeys([active('secret', { uses: MAX_USES * 0.8 - 1 })], START)).toEqual([])
    expect(findWornKeys([active('secret', { uses: MAX_USES * 0.8 })], START)).toHaveLength(1)
    const held = active('secret', { uses: MAX_USES - 1, uses_reserved: 1 })
    expect(findWornKeys([held], START)).toEqual([{ ...held, expired: true }])
  })

  it('leaves token-signing and MAC keys alone for as long as the vault should have replaced them itself', () => {
    expect(findWornKeys([active('token-signing')], onDay(80))).toEqual([])
    expect(findWornKeys([active('token-signing')], onDay(81))).toHaveLength(1)
    expect(findWornKeys([active('access-mac')], onDay(320))).toEqual([])
    expect(findWornKeys([active('access-mac')], onDay(330))).toHaveLength(1)
  })

  it('is about keys that protect only', () => {
    for (const state of ['pre-active', 'deactivated', 'compromised', 'destroyed'] as const) {
      expect(findWornKeys([active('display', { state })], onDay(1000))).toEqual([])
    }
  })
})

describe('the watch', () => {
  let at = START
  let alerts: [AlertCode, AlertFacts][]
  let observed: Map<string, { expiresInSeconds: number; uses: number }>
  let watch: () => void

  beforeEach(() => {
    alerts = []
    observed = new Map()
    const rootKey = {
      id: 'root_1',
      provider: 'test',
      parameters: {},
      state: 'active' as const,
      created_at: START,
      activated_at: START,
      deactivated_at: null,
      expires_at: expiryOf('root', START),
      uses: 6,
    }
    const verified = { keys: [active('index'), active('secret', { uses: 12 })], rootKeys: [rootKey] }
    watch = createKeyWatch({
      keys: {
        verified: {
          ...verified,
          vault: 'vault_1',
          generation: 1,
          mac: Buffer.alloc(32),
          rootKey,
          marks: [],
          handovers: [],
        },
      },
      now: () => at,
      alert: (...alert) => alerts.push(alert),
      observeKey: ({ purpose, ...rest }) => observed.set(purpose, rest),
    })
  })

  const raised = () => alerts.map(([code, { purpose }]) => `${code} ${purpose}`)

  it('alerts once a day for each key, the root key among them, and again when a key has expired', () => {
    at = onDay(300)
    watch()
    watch()
    expect(raised()).toEqual(['key-expiring secret', 'key-expiring root'])
    at = onDay(300.9)
    watch()
    expect(raised()).toHaveLength(2)
    at = onDay(301)
    watch()
    expect(raised()).toHaveLength(4)
    at = onDay(365)
    watch()
    expect(raised().slice(4)).toEqual(['key-expired secret', 'key-expired root'])
  })

  it('shows in the metrics how long each key has left, and how often it was used', () => {
    at = onDay(1)
    watch()
    expect(observed.get('secret')).toEqual({ expiresInSeconds: 364 * 24 * 60 * 60, uses: 12 })
    expect(observed.get('root')).toEqual({ expiresInSeconds: 364 * 24 * 60 * 60, uses: 6 })
    expect([...observed.keys()].sort()).toEqual(['index', 'root', 'secret'])
  })
})
