import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { toNextHour } from '../support/moved-clock.ts'
import { billingAddress, card, cards } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

vi.setConfig({ testTimeout: 60_000 })

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const overrides = {
  ...quickKeys,
  rateLimits: { requestsPerMinute: 100_000, failuresPerMinute: 3 },
  limits: {
    probesPerTenMinutes: 4,
    cardSearchesPerDay: 2,
    matchesPerHour: 50,
    wrongMatches: { perCaller: 2, perRecord: 20 },
  },
}
const config = { limits: { cards: { perClient: 2 } } }

let vault: TestVault
/** The one that ends with the database. */
let owner: TestVault
beforeEach(async () => {
  owner = await TestVault.start({ overrides, config, clockOffsetMs: toNextHour() })
  vault = owner
})
afterEach(async () => {
  await vault.checkInvariants()
  if (vault !== owner) await vault.stop()
  await owner.stop()
})

interface Attempt {
  most: number
  ask: () => Promise<{ status: number }>
}

/** What each limit counts, asked for by the same caller each time. */
async function attempts(): Promise<Record<string, Attempt>> {
  const [support, billing, prober] = await Promise.all(
    (['support', 'billing', 'support'] as const).map((role, at) => vault.staffToken(role, { name: `Caller ${at}` })),
  )
  const tester = await vault.clientToken(['tokenize'])
  const { token } = (await vault.tokenize({ billing_address: billingAddress })).billing_address!
  const { id } = await vault.client(['tokenize'])
  const post = (path: string, bearer: string | undefined, body: object) =>
    vault.call('POST', path, { token: bearer, body })
  let number = 0
  const numbers = [cards.visa, cards.mastercard, cards.amex]
  return {
    misses: { most: 4, ask: () => post('/v1/search', prober, { by: 'customer', value: 'cus_nobody' }) },
    'wrong answers': { most: 2, ask: () => post(`/v1/tokens/${token}/match`, support, { fields: { name: 'Nobody' } }) },
    'card searches': {
      most: 2,
      ask: () =>
        post('/v1/search', billing, { by: 'card_number', value: numbers[number++], purpose: 'process-payment' }),
    },
    cards: { most: 2, ask: () => post('/v1/tokenize', tester, { card }) },
    'wrong secrets': { most: 3, ask: () => vault.requestToken(id, 'wrong') },
  }
}

describe('limits that are reached stay so', () => {
  it.each([
    ['a rotation of the index key', () => vault.rotate('index')],
    ['a new root key, with fresh MAC keys', () => vault.rootKeys.rotate(OPERATOR)],
    [
      'the compromise of the key that names counts, seen by a server that starts then',
      async () => {
        const keys = await vault.commands.keyStatus()
        const { id } = keys.find(({ purpose, state }) => purpose === 'limit-mac' && state === 'active')!
        await vault.commands.compromiseKey(OPERATOR, id)
        const { database, clockOffsetMs } = owner
        vault = await TestVault.start({ overrides, config, sharedDatabase: database, clockOffsetMs })
      },
    ],
    [
      'its compromise',
      async () => {
        const keys = await vault.commands.keyStatus()
        const { id } = keys.find(({ purpose, state }) => purpose === 'index' && state === 'active')!
        await vault.commands.compromiseKey(OPERATOR, id)
      },
    ],
    [
      'the destruction of the key before',
      async () => {
        await vault.rotate('index')
        const keys = await vault.commands.keyStatus()
        const { id } = keys.find(({ purpose, state }) => purpose === 'index' && state === 'deactivated')!
        await vault.commands.destroyKey(OPERATOR, id)
      },
    ],
  ] as [string, () => Promise<unknown>][])('after %s', async (_name, change) => {
    const tried = await attempts()
    for (const [name, { most, ask }] of Object.entries(tried)) {
      for (let at = 0; at < most; at++) expect((await ask()).status, name).not.toBe(429)
    }
    await change()
    for (const [name, { ask }] of Object.entries(tried)) expect((await ask()).status, name).toBe(429)
  })
})

it('counts whose windows have long been over are removed', async () => {
  await vault.database.sql(`INSERT INTO rate_limits (key, points, expire) VALUES ('old', 1, 1000), ('new', 1, 9e15)`)
  await vault.database.sql(`INSERT INTO kept_limits (key, points, expire) VALUES ('old', 1, 1000), ('new', 1, 9e15)`)
  const { sweepLimits } = await import('../../src/access/limits/counter-store.ts')
  const { openDatabase } = await import('../../src/database/database.ts')
  const database = openDatabase({ url: vault.database.serverUrl })
  await sweepLimits(database, new Date())
  await database.close()
  for (const table of ['rate_limits', 'kept_limits']) {
    const rows = await vault.database.sql(`SELECT key FROM ${table} WHERE key IN ('old', 'new')`)
    expect(rows).toEqual([{ key: 'new' }])
  }
})
