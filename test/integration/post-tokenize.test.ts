import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { billingAddress, card, cards, checkout, contact, shippingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'], { role: 'checkout' })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const tokenize = (body: unknown) => vault.call('POST', '/v1/tokenize', { token, body })
const stamped = { version: 1, created_at: expect.any(String), updated_at: expect.any(String) }

async function stored() {
  return [await vault.count('records'), await vault.count('search_terms'), await vault.count('idempotency_keys')]
}

describe('201', () => {
  it('stores every part and answers with tokens and masked views, and with nothing else', async () => {
    const response = await tokenize(checkout)
    expect(response.status).toBe(201)
    const common = { ...stamped, policy_version: '2026-11-01' }
    const address = { ...common, kind: 'address', country: 'SG', postal_area: '048', initials: 'T.M.L.' }
    const addressToken = expect.stringMatching(/^addr_[0-9a-hjkmnp-tv-z]{26}$/)
    expect(response.body).toEqual({
      customer: 'cus_1042',
      card: {
        ...common,
        token: expect.stringMatching(/^card_[0-9a-hjkmnp-tv-z]{26}$/),
        kind: 'card',
        brand: 'visa',
        last4: '4242',
        exp_month: 12,
        exp_year: 2031,
      },
      billing_address: { ...address, token: addressToken, use: 'billing' },
      shipping_address: { ...address, token: addressToken, use: 'shipping' },
      contact: {
        ...common,
        token: expect.stringMatching(/^cont_[0-9a-hjkmnp-tv-z]{26}$/),
        kind: 'contact',
        email: 'm•••@example.sg',
        phone: '••••67',
        initials: 'T.M.L.',
      },
    })
  })

  it.each(['card', 'billing_address', 'shipping_address', 'contact'] as const)('stores %s alone', async (part) => {
    const response = await tokenize({ [part]: checkout[part] })
    expect(response.status).toBe(201)
    expect(Object.keys(response.body)).toEqual([part])
  })

  it.each([
    ['a card without a name', { card: { number: cards.amex, exp_month: 1, exp_year: 2030 } }],
    ['an address of a line and a country', { billing_address: { line1: billingAddress.line1, country: 'SG' } }],
    ['a contact of an e-mail address', { contact: { email: contact.email } }],
    ['a contact of a telephone number', { contact: { phone: contact.phone } }],
  ])('stores %s', async (_name, body) => {
    expect((await tokenize(body)).status).toBe(201)
  })

  it('leaves one event for each part, under the id of the request', async () => {
    const response = await tokenize(checkout)
    const events = await vault.events({ type: 'record.tokenize', request_id: response.headers['request-id'] })
    const tokens = ['card', 'billing_address', 'shipping_address', 'contact'].map((part) => response.body[part].token)
    expect(events.map((event) => event.token).sort()).toEqual(tokens.sort())
    expect(events[0]).toMatchObject({ outcome: 'success', site: 'default', caller: { role: 'checkout' } })
  })
})

describe('one card twice', () => {
  it('gets unrelated tokens, and nothing in the answers shows that it was seen before', async () => {
    const body = { card: { ...card, number: cards.mastercard } }
    const [first, second] = [(await tokenize(body)).body.card, (await tokenize(body)).body.card]
    const common = [...first.token].findIndex((character, at) => character !== second.token[at])
    expect(common).toBeGreaterThanOrEqual('card_'.length)
    expect(common).toBeLessThan('card_'.length + 8)
    const unstamped = { token: '', created_at: '', updated_at: '' }
    expect({ ...second, ...unstamped }).toEqual({ ...first, ...unstamped })
  })

  it('is in the database as unrelated ciphertexts', async () => {
    const { body } = await tokenize({ card })
    const { body: again } = await tokenize({ card })
    const rows = await vault.database.sql<{ display: string; secret: string }>(
      `SELECT encode(display_sealed, 'hex') AS display, encode(secret_sealed, 'hex') AS secret
       FROM readable.records WHERE token = ANY($1)`,
      [[body.card.token, again.card.token]],
    )
    expect(new Set(rows.map((row) => row.display)).size).toBe(2)
    expect(new Set(rows.map((row) => row.secret)).size).toBe(2)
    expect(rows[0]!.secret.length).toBe(rows[1]!.secret.length)
  })
})

describe('a checkout credential', () => {
  it('can do nothing with the token that it was given', async () => {
    const { body } = await tokenize({ card })
    const path = `/v1/tokens/${body.card.token}`
    const purpose = 'process-payment'
    for (const answer of [
      await vault.call('GET', path, { token }),
      await vault.call('POST', `${path}/reveal`, { token, body: { purpose } }),
      await vault.call('PATCH', path, { token, body: { exp_month: 1, exp_year: 2032 } }),
      await vault.call('DELETE', path, { token }),
      await vault.call('POST', '/v1/reveal', { token, body: { purpose, items: [{ token: body.card.token }] } }),
      await vault.call('POST', '/v1/search', { token, body: { by: 'card_number', value: card.number } }),
    ]) {
      expectProblem(answer, 403, 'scope-missing')
    }
  })
})

describe('401 and 403', () => {
  it('refuses who brings no token, before it looks at the body', async () => {
    expectProblem(await vault.call('POST', '/v1/tokenize', { body: { card: 1 } }), 401, 'unauthenticated')
  })

  it('refuses who may not tokenize, before it looks at the body', async () => {
    const billing = await vault.staffToken('billing')
    const response = await vault.call('POST', '/v1/tokenize', { token: billing, body: { card: 1 } })
    expectProblem(response, 403, 'scope-missing')
  })
})

describe('422', () => {
  it.each([
    ['no part', {}, 'invalid-input', '#'],
    ['an unknown part', { card, wallet: {} }, 'unknown-member', '#'],
    [
      'a number with a wrong check digit',
      { card: { ...card, number: '4242424242424241' } },
      'invalid-card-number',
      '#/card/number',
    ],
    ['a number of 11 digits', { card: { ...card, number: '42424242424' } }, 'invalid-card-number', '#/card/number'],
    [
      'a number of 20 digits',
      { card: { ...card, number: '42424242424242424242' } },
      'invalid-card-number',
      '#/card/number',
    ],
    ['a number of zeros', { card: { ...card, number: '0000000000000000' } }, 'invalid-card-number', '#/card/number'],
    ['a number that is not text', { card: { ...card, number: 4242424242424242 } }, 'invalid-input', '#/card/number'],
    ['a card without a number', { card: { exp_month: 1, exp_year: 2031 } }, 'invalid-input', '#/card/number'],
    ['month 13', { card: { ...card, exp_month: 13 } }, 'invalid-input', '#/card/exp_month'],
    ['an expired card', { card: { ...card, exp_year: 2020 } }, 'card-expired', '#/card/exp_year'],
    ['a verification code', { card: { ...card, cvc: '123' } }, 'sensitive-authentication-data', '#/card'],
    ['an unknown field', { card: { ...card, nickname: 'travel' } }, 'unknown-member', '#/card'],
    ['an address without a line', { billing_address: { country: 'SG' } }, 'invalid-input', '#/billing_address/line1'],
    [
      'an unknown country',
      { billing_address: { ...billingAddress, country: 'QQ' } },
      'invalid-input',
      '#/billing_address/country',
    ],
    [
      'a card number in instructions',
      { shipping_address: { ...shippingAddress, instructions: `pay ${cards.visa}` } },
      'card-number-in-text',
      '#/shipping_address/instructions',
    ],
    ['a card number as the customer', { card, customer: cards.visa }, 'card-number-in-text', '#/customer'],
    [
      'bidirectional controls',
      { billing_address: { ...billingAddress, name: 'abc\u202edef' } },
      'invalid-input',
      '#/billing_address/name',
    ],
    ['an empty contact', { contact: {} }, 'invalid-input', '#/contact'],
    ['a bad e-mail address', { contact: { email: 'nobody at example' } }, 'invalid-input', '#/contact/email'],
    ['a number without its country code', { contact: { phone: '6123 4567' } }, 'invalid-input', '#/contact/phone'],
    ['a consent that is not a name', { card, consents: ['all of it'] }, 'invalid-input', '#/consents/0'],
  ] as const)('refuses %s, points at it and stores nothing', async (_name, part, code, pointer) => {
    const before = await stored()
    const body = { contact, ...part }
    const response = await tokenize(Object.keys(part).length === 0 ? part : body)
    expectProblem(response, 422, code)
    expect(pointersOf(response)).toContain(pointer)
    for (const value of textsIn(part)) expect(response.text).not.toContain(value)
    expect(await stored()).toEqual(before)
    const events = await vault.events({ request_id: response.body.request_id })
    expect(events).toEqual([expect.objectContaining({ type: 'request.refuse', outcome: 'refused', code })])
  })
})

/** Every text and number of a body that is long enough to be recognised. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(textsIn)
  return String(value).length >= 6 ? [String(value)] : []
}
