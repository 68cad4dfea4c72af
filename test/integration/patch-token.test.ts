import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { billingAddress, card, cards, checkout, contact, corrected, person } from '../support/samples.ts'
import { openEverySealedValue } from '../support/sealed-values.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let support: string
let storefront: string
let legal: string

beforeAll(async () => {
  vault = await TestVault.start()
  support = await vault.staffToken('support')
  storefront = await vault.staffToken('storefront')
  legal = await vault.staffToken('legal')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const correct = (token: string | undefined, body: unknown, as = support) =>
  vault.call('PATCH', `/v1/tokens/${token}`, { token: as, body })

async function newToken(part: 'card' | 'billing_address' | 'contact'): Promise<string> {
  return (await vault.tokenize({ customer: 'cus_1042', [part]: checkout[part] }))[part]!.token!
}

async function dataOf(token: string): Promise<Record<string, unknown>> {
  const body = { purpose: 'enforce-rights' }
  const response = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: legal, body })
  expect(response.status, response.text).toBe(200)
  return response.body.data
}

async function find(by: string, value: string): Promise<string[]> {
  const response = await vault.call('POST', '/v1/search', { token: support, body: { by, value } })
  return response.body.results.map((view: { token: string }) => view.token)
}

describe('200', () => {
  it('corrects an address, keeps the other fields and answers with the masked view', async () => {
    const token = await newToken('billing_address')
    const response = await correct(token, { line1: corrected.line1, postal_code: '068898' })
    expect(response.status).toBe(200)
    expect(response.body).toMatchObject({ token, kind: 'address', use: 'billing', postal_area: '068', version: 2 })
    expect(response.body.customer).toBe('cus_1042')
    expect(response.text).not.toContain(corrected.line1)
    expect(await dataOf(token)).toEqual({ ...billingAddress, line1: corrected.line1, postal_code: '068898' })
  })

  it('corrects a contact and derives the normalised number anew', async () => {
    const token = await newToken('contact')
    const response = await correct(token, { email: corrected.email, phone: corrected.phone })
    expect(response.body).toMatchObject({ email: 'm•••@example.sg', phone: '••••43', version: 2 })
    const { email, phone } = corrected
    expect(await dataOf(token)).toEqual({ name: contact.name, email, phone, phone_e164: '+6569876543' })
  })

  it('corrects the expiry of a card, and nothing else of it', async () => {
    const token = await newToken('card')
    const response = await correct(token, { exp_month: 3, exp_year: 2035 })
    expect(response.body).toMatchObject({ exp_month: 3, exp_year: 2035, last4: '4242', version: 2 })
    expect(await dataOf(token)).toEqual({ ...card, number: cards.visa, exp_month: 3, exp_year: 2035 })
  })

  it('removes an optional field that is set to null', async () => {
    const token = await newToken('contact')
    expect((await correct(token, { phone: null })).status).toBe(200)
    expect(await dataOf(token)).toEqual({ name: person.name, email: person.email })
  })

  it('lets the search follow the correction', async () => {
    const token = await newToken('contact')
    await correct(token, { email: corrected.email })
    expect(await find('email', corrected.email)).toContain(token)
    expect(await find('email', contact.email)).not.toContain(token)
    expect(await find('phone', contact.phone)).toContain(token)
    expect(await find('customer', 'cus_1042')).toContain(token)
  })

  it('leaves an event with the names of the corrected fields and no value', async () => {
    const token = await newToken('contact')
    const response = await correct(token, { name: corrected.name, phone: null })
    const events = await vault.events({ request_id: response.headers['request-id'] })
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ type: 'record.correct', outcome: 'success', token, record_version: 2 })
    expect((events[0]!.fields as string[]).sort()).toEqual(['name', 'phone'])
  })

  it('keeps the old version sealed, as it was', async () => {
    const token = await newToken('billing_address')
    await correct(token, { line1: corrected.line1 })
    const opened = await openEverySealedValue(vault)
    const kept = opened.filter(({ column, row }) => column === 'record_versions.secret' && row.token === token)
    expect(kept.map(({ row, text }) => [row.version, JSON.parse(text)])).toEqual([[1, billingAddress]])
  })

  it('loses none of many corrections at once', async () => {
    const token = await newToken('billing_address')
    const changes = [
      { line1: corrected.line1 },
      { name: corrected.name },
      { company: 'Goh Trading' },
      { district: 'Outram' },
    ]
    const answers = await Promise.all(changes.map((change) => correct(token, change)))
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200])
    expect(answers.map((answer) => answer.body.version).sort()).toEqual([2, 3, 4, 5])
    expect(await dataOf(token)).toEqual(Object.assign({}, billingAddress, ...changes))
    const kept = await vault.database.sql<{ version: number }>(
      'SELECT version FROM readable.record_versions WHERE token = $1 ORDER BY version',
      [token],
    )
    expect(kept.map(({ version }) => version)).toEqual([1, 2, 3, 4])
  })
})

describe('403', () => {
  it('refuses who may not correct', async () => {
    const token = await newToken('contact')
    expectProblem(await correct(token, { name: corrected.name }, legal), 403, 'scope-missing')
  })
})

describe('404', () => {
  it('knows nothing of a token that was never given out', async () => {
    expectProblem(await correct(`cont_${'0'.repeat(26)}`, { name: corrected.name }), 404, 'record-not-found')
  })
})

describe('422', () => {
  it.each([
    ['another number of a card', 'card', { number: cards.amex, exp_month: 1, exp_year: 2032 }, '#'],
    ['half of an expiry that has passed', 'card', { exp_year: 2020 }, '#/exp_year'],
    ['an expiry in the past', 'card', { exp_month: 1, exp_year: 2020 }, '#/exp_year'],
    ['a required field set to null', 'billing_address', { line1: null }, '#/line1'],
    ['an unknown field', 'billing_address', { planet: 'Earth' }, '#'],
    ['an unknown country', 'billing_address', { country: 'QQ' }, '#/country'],
    ['a telephone number of too few digits', 'contact', { phone: '612' }, '#/phone'],
    ['a use', 'billing_address', { use: 'shipping' }, '#'],
    ['nothing', 'contact', {}, '#'],
    ['a contact emptied of everything', 'contact', { name: null, email: null, phone: null }, '#'],
    ['a card number in a text', 'contact', { name: cards.visa }, '#/name'],
  ] as const)('refuses %s and changes nothing', async (_name, part, change, pointer) => {
    const token = await newToken(part)
    const before = await dataOf(token)
    const response = await correct(token, change, storefront)
    expect(response.status, response.text).toBe(422)
    expect(pointersOf(response)).toContain(pointer)
    expect(await dataOf(token)).toEqual(before)
    expect(await vault.database.sql('SELECT FROM readable.record_versions WHERE token = $1', [token])).toHaveLength(0)
  })
})
