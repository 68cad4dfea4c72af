import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectRefusal } from '../support/refusal.ts'
import { billingAddress, card, cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** PCI DSS 3.3.1: no verification code, no track, no PIN, under any of the names that processors give them. */
const names = [
  ...['cvc', 'CVC', 'cvc2', 'cvv', 'CVV2', 'cvn', 'cid', 'csc', 'cav2', 'card_cvc', 'cardCvv', 'security_code'],
  ...['securityCode', 'verification_code', 'verificationValue', 'pin', 'pin_block', 'pinBlock'],
  ...['track1', 'track2', 'track_data', 'trackData', 'track_2'],
]
const CODE = '7391'
const expected = { status: 422, code: 'sensitive-authentication-data' } as const
const tokenize = (body: unknown) => () => vault.call('POST', '/v1/tokenize', { token, body })

describe.each(names)('%s', (name) => {
  it('is refused in a card', async () => {
    await expectRefusal(vault, tokenize({ card: { ...card, [name]: CODE } }), { ...expected, input: `"${CODE}"` })
  })
})

it.each([
  ['at the top', { card, cvc: CODE }],
  ['in an address', { billing_address: { ...billingAddress, cvc: CODE } }],
  ['in a contact', { contact: { name: 'A Name', cvc: CODE } }],
  ['as a number', { card: { ...card, cvc: 739 } }],
  ['as null', { card: { ...card, cvc: null } }],
  ['as an object', { card: { ...card, cvc: { value: CODE } } }],
  ['beside other faults', { card: { ...card, number: '1', colour: 'red', cvc: CODE } }],
])('is refused %s', async (_name, body) => {
  await expectRefusal(vault, tokenize(body), expected)
})

it.each([
  ['metadata', { card, metadata: { cvc: CODE } }],
  ['an unknown part', { card, payment: { cvc: CODE } }],
])('goes nowhere in %s either', async (_name, body) => {
  await expectRefusal(vault, tokenize(body), { status: 422, code: 'unknown-member', input: `"${CODE}"` })
})

it('is refused in an item of a batch', async () => {
  const body = { items: [{ card: { ...card, cvc: CODE } }] }
  const response = await vault.call('POST', '/v1/tokenize/batch', { token, body })
  expect(response.body.results).toMatchObject([{ status: 422, code: 'sensitive-authentication-data' }])
  expect(await vault.count('records')).toBe(0)
})

it('is refused in a correction', async () => {
  const other = await TestVault.start()
  try {
    const { card: view } = await other.tokenize({ card })
    const staff = await other.staffToken('storefront')
    const body = { exp_month: 1, exp_year: 2032, cvc: CODE }
    await expectRefusal(other, () => other.call('PATCH', `/v1/tokens/${view!.token}`, { token: staff, body }), expected)
  } finally {
    await other.stop()
  }
})

it.each([
  ['track 1', `%B${cards.visa}^TAN/MEI LING^3112101000?`],
  ['track 2', `;${cards.visa}=3112101000?`],
])('refuses %s as a card number and as a name', async (_name, track) => {
  await expectRefusal(vault, tokenize({ card: { ...card, number: track } }), {
    status: 422,
    code: 'invalid-card-number',
  })
  await expectRefusal(vault, tokenize({ card: { ...card, holder_name: track } }), {
    status: 422,
    code: 'card-number-in-text',
  })
})
