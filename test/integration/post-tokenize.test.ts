import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

describe('201', () => {
  it('stores every part and answers with tokens and masked views', async () => {
    const response = await vault.call('POST', '/v1/tokenize', { token, body: checkout })
    expect(response.status).toBe(201)
    expect(response.body.card).toMatchObject({
      kind: 'card',
      brand: 'visa',
      last4: '4242',
      exp_month: 12,
      exp_year: 2031,
    })
    expect(response.body.billing_address).toMatchObject({ kind: 'address', use: 'billing', country: 'SG' })
    expect(response.body.contact.token).toMatch(/^cont_[0-9a-z]{26}$/)
  })
})
