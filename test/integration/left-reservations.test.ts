import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** What a server has reserved for look-ups of a caller must not hold the caller back when that server is gone. */

const overrides = { limits: { probesPerTenMinutes: 4 } }

let vault: TestVault
let token: string
let bearer: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides })
  token = (await vault.tokenize({ contact })).contact!.token!
  bearer = await vault.staffToken('support')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const read = (on: TestVault) => on.call('GET', `/v1/tokens/${token}`, { token: bearer })
const reserved = async () =>
  (await vault.database.sql<{ sum: number }>('SELECT coalesce(sum(reserved), 0)::integer AS sum FROM rate_limits'))[0]!
    .sum

it('a server that stops gives back what it keeps for its callers', async () => {
  const second = await TestVault.start({ overrides, sharedDatabase: vault.database })
  const answers = await Promise.all(Array.from({ length: 4 }, () => read(second)))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(await reserved()).toBeGreaterThan(0)
  await second.stop()
  expect(await reserved()).toBe(0)
})

it('the one server of a database gives back what was in flight when another was killed', async () => {
  expect((await read(vault)).status).toBe(200)
  await vault.database.sql('UPDATE rate_limits SET reserved = 4')
  const next = await TestVault.start({ overrides, sharedDatabase: vault.database, config: { isOnlyServer: true } })
  try {
    expect(await reserved()).toBe(0)
    expect((await read(next)).status).toBe(200)
  } finally {
    await next.stop()
  }
})
