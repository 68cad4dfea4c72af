import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectRefusal } from '../support/refusal.ts'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault

beforeAll(async () => {
  // Its keys are good for the year in which these cards expire.
  vault = await TestVault.start({
    clockOffsetMs: Date.parse('2028-02-01T00:00:00Z') - Date.now(),
    makesKeys: true,
  })
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

async function tokenizeAt(instant: string, expiry: { exp_month: unknown; exp_year: unknown }) {
  vault.clockOffsetMs = Date.parse(instant) - Date.now()
  const token = await vault.clientToken(['tokenize'])
  return () => vault.call('POST', '/v1/tokenize', { token, body: { card: { ...card, ...expiry } } })
}

describe('the month of expiry', () => {
  const expiry = { exp_month: 2, exp_year: 2028 }

  it('is good to its last day, also of a leap year', async () => {
    const response = await (await tokenizeAt('2028-03-01T11:59:00Z', expiry))()
    expect(response.status, response.text).toBe(201)
  })

  it('is over on the first of the next, when it is over everywhere', async () => {
    const send = await tokenizeAt('2028-03-01T12:00:00Z', expiry)
    await expectRefusal(vault, send, { status: 422, code: 'card-expired' })
  })

  it('may be December', async () => {
    const december = { exp_month: 12, exp_year: 2028 }
    expect((await (await tokenizeAt('2029-01-01T11:59:00Z', december))()).status).toBe(201)
    await expectRefusal(vault, await tokenizeAt('2029-01-01T12:00:00Z', december), {
      status: 422,
      code: 'card-expired',
    })
  })
})

it.each([
  [1, 2020],
  [12, 2025],
])('refuses %i/%i', async (exp_month, exp_year) => {
  const send = await tokenizeAt('2026-06-15T12:00:00Z', { exp_month, exp_year })
  await expectRefusal(vault, send, { status: 422, code: 'card-expired' })
})

it.each([
  ['month 0', 0, 2031],
  ['month 13', 13, 2031],
  ['a negative month', -1, 2031],
  ['half a month', 1.5, 2031],
  ['a text', '12', '2031'],
  ['two digits of a year', 12, 31],
  ['a year of five digits', 12, 20310],
  ['a year that no card is issued for', 12, 2099],
  ['an exponent beyond numbers', 12, 1e300],
  ['null', null, null],
])('refuses %s', async (_name, exp_month, exp_year) => {
  const send = await tokenizeAt('2026-06-15T12:00:00Z', { exp_month, exp_year })
  await expectRefusal(vault, send, { status: 422, code: 'invalid-input' })
})

it('refuses to correct a card to a date that is past', async () => {
  const { card: view } = await vault.tokenize({ card })
  const token = await vault.staffToken('storefront')
  const body = { exp_month: 1, exp_year: 2020 }
  const send = () => vault.call('PATCH', `/v1/tokens/${view!.token}`, { token, body })
  await expectRefusal(vault, send, { status: 422, code: 'card-expired' })
})
