import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { cards, checkout, contact, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let legal: string
let parts: Record<string, Record<string, string>>

beforeAll(async () => {
  vault = await TestVault.start()
  legal = await vault.staffToken('legal')
  parts = await vault.tokenize(checkout)
  await vault.tokenize({
    customer: 'cus_2000',
    card: { number: cards.amex, exp_month: 1, exp_year: 2030 },
    contact: { email: 'somebody.else@example.sg' },
  })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const search = (by: string, value: unknown, as = legal) => {
  const why = by === 'card_number' ? { purpose: 'enforce-rights' } : {}
  return vault.call('POST', '/v1/search', { token: as, body: { by, value, ...why } })
}

async function find(by: string, value: string, as = legal): Promise<string[]> {
  const response = await search(by, value, as)
  expect(response.status, response.text).toBe(200)
  return response.body.results.map((view: { token: string }) => view.token).sort()
}

const tokensOf = (...names: string[]) => names.map((name) => parts[name]!.token!).sort()

describe('200', () => {
  it('finds every part of a customer', async () => {
    const everything = tokensOf('card', 'billing_address', 'shipping_address', 'contact')
    expect(await find('customer', 'cus_1042')).toEqual(everything)
  })

  it('finds the contact of an e-mail address, however its letters are written', async () => {
    for (const value of [person.email, person.email.toUpperCase(), ` ${person.email} `]) {
      expect(await find('email', value)).toEqual(tokensOf('contact'))
    }
  })

  it('finds the records of a telephone number, however its digits are grouped', async () => {
    for (const value of [person.phone, '+6561234567', '+65-6123-4567']) {
      expect(await find('phone', value)).toEqual(tokensOf('contact', 'shipping_address'))
    }
  })

  it('finds the card of a number, with and without spaces and dashes', async () => {
    for (const value of [cards.visa, '4242 4242 4242 4242', '4242-4242-4242-4242']) {
      expect(await find('card_number', value)).toEqual(tokensOf('card'))
    }
  })

  it('finds only what is exactly the same', async () => {
    expect(await find('customer', 'cus_104')).toEqual([])
    expect(await find('customer', 'CUS_1042')).toEqual([])
    expect(await find('email', 'ling.tan@example.sg')).toEqual([])
    expect(await find('card_number', cards.mastercard)).toEqual([])
  })

  it('does not take a value of one type for one of another', async () => {
    expect(await find('customer', person.email)).toEqual([])
  })

  it('answers with masked views, newest first', async () => {
    const customer = 'cus_order'
    const tokens: string[] = []
    for (let i = 0; i < 3; i++) {
      tokens.unshift((await vault.tokenize({ customer, contact })).contact!.token!)
    }
    const { body } = await search('customer', customer)
    expect(body.results.map((view: { token: string }) => view.token)).toEqual(tokens)
    expect(body.results[0]).toEqual({
      token: tokens[0],
      kind: 'contact',
      email: 'm•••@example.sg',
      phone: '••••67',
      initials: 'T.M.L.',
      customer,
      version: 1,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
  })

  it('finds nothing of another site', async () => {
    const stranger = await vault.staffToken('legal', { site: 'partner' })
    expect(await find('customer', 'cus_1042', stranger)).toEqual([])
    expect(await find('email', person.email, stranger)).toEqual([])
    const there = await vault.tokenize({ customer: 'cus_1042', contact }, { site: 'partner' })
    expect(await find('customer', 'cus_1042', stranger)).toEqual([there.contact!.token])
    expect(await find('customer', 'cus_1042')).not.toContain(there.contact!.token)
  })

  it('leaves an event with the type of the value and how much was found, and not the value', async () => {
    const customer = 'cus_very_recognisable'
    const response = await search('customer', customer)
    const events = await vault.events({ request_id: response.headers['request-id'] })
    expect(events).toEqual([
      expect.objectContaining({ type: 'record.search', outcome: 'success', search_by: 'customer', count: 0 }),
    ])
    expect(JSON.stringify(events)).not.toContain(customer)
    expect(vault.logLines.join('')).not.toContain(customer)
  })

  it('never opens a secret part', async () => {
    const { token } = (await vault.tokenize({ customer: 'cus_sealed', contact })).contact!
    await vault.database.sql(`UPDATE readable.records SET secret_sealed = '\\x00' WHERE token = $1`, [token])
    expect(await find('customer', 'cus_sealed')).toEqual([token])
  })
})

describe('403', () => {
  it('refuses who may not search', async () => {
    const marketing = await vault.staffToken('marketing')
    expectProblem(await search('email', person.email, marketing), 403, 'scope-missing')
  })
})

describe('422', () => {
  it.each([
    ['an unknown type', 'name', person.name, '#/by'],
    ['an invalid e-mail address', 'email', 'nobody', '#/value'],
    ['a telephone number without its country code', 'phone', '6123 4567', '#/value'],
    ['a card number with a wrong check digit', 'card_number', '4242424242424241', '#/value'],
    ['no value', 'customer', '', '#/value'],
    ['a value that is not text', 'customer', { $ne: null }, '#/value'],
  ])('refuses %s', async (_name, by, value, pointer) => {
    const response = await search(by, value)
    expectProblem(response, 422, 'invalid-input')
    expect(pointersOf(response)).toEqual([pointer])
  })
})
