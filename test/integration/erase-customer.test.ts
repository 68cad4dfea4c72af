import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ChangeRule, Role } from '../../src/access/policy/roles.ts'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { roleFile } from '../support/role-files.ts'
import { billingAddress, card, checkout, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000

let vault: TestVault
let second: TestVault
let officer: string
let nth = 0

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  officer = await vault.staffToken('privacy-officer')
})
afterEach(async () => {
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const erase = (body: object, { as = officer, on = vault, headers = {} } = {}) =>
  on.call('POST', '/v1/customers/erase', { token: as, body, headers })
const statusOf = async (token: string, on = vault) =>
  (await on.call('GET', `/v1/tokens/${token}`, { token: officer })).status
const newCustomer = () => `cus_${++nth}_erased`

async function store(customer: string, parts: object = checkout): Promise<string[]> {
  const stored = await vault.tokenize({ ...parts, customer })
  return Object.values(stored).flatMap((part) => part?.token ?? [])
}

/** A person whose role erases under these rules. */
async function person(...changes: ChangeRule[]): Promise<string> {
  const role: Role = { duty: 'Erases under conditions.', scopes: ['token:erase'], grants: [], changes }
  await vault.commands.applyRoles(OPERATOR, roleFile({ eraser: role }))
  return vault.staffToken('eraser', { name: `Eve ${++nth}`, minutes: 60 })
}

describe('200', () => {
  it('erases all records of the customer of all checkouts, and of no other customer, on every server', async () => {
    const customer = newCustomer()
    const tokens = [...(await store(customer)), ...(await store(customer, { card, contact }))]
    const others = await store(newCustomer())
    const { status, body, text } = await erase({ customer, reason: 'The shopper asked' })
    expect(status, text).toBe(200)
    expect(body).toEqual({ customer, erased: tokens.length, postponed: 0, event: expect.stringMatching(/^evt_/) })
    for (const on of [vault, second]) {
      for (const token of tokens) expect(await statusOf(token, on)).toBe(410)
      for (const token of others) expect(await statusOf(token, on)).toBe(200)
    }
    const search = { by: 'customer', value: customer }
    expect((await vault.call('POST', '/v1/search', { token: officer, body: search })).body.results).toEqual([])
  })

  it('writes each intent ahead, and an event for each record and for the whole, beside which the reason is sealed', async () => {
    const customer = newCustomer()
    const tokens = await store(customer)
    const { body } = await erase({ customer, purpose: 'respond-to-query', reason: 'moved away', ticket: 'DSR-7' })
    const events = await vault.events()
    const whole = events.find(({ id }) => id === body.event)
    const facts = { purpose: 'respond-to-query', ticket: 'DSR-7' }
    expect(whole).toMatchObject({ type: 'customer.erase', outcome: 'success', count: tokens.length, ...facts })
    expect(JSON.stringify(whole)).not.toContain(customer)
    for (const token of tokens) {
      const own = events.filter((event) => event.token === token && event.request_id === whole!.request_id)
      expect(own.map(({ type }) => type)).toEqual(['record.erase-intent', 'record.erase'])
      for (const event of own) expect(event).toMatchObject(facts)
    }
    expect(JSON.stringify(events)).not.toContain('moved away')
    const kept = await vault.database.sql('SELECT FROM readable.reveal_reasons WHERE event = $1', [body.event])
    expect(kept).toHaveLength(1)
  })

  it('erases nothing of a customer that the vault does not know, and says so in an event', async () => {
    const { body } = await erase({ customer: 'cus_nowhere' })
    expect(body).toMatchObject({ erased: 0, postponed: 0 })
    expect(await vault.events({ type: 'customer.erase' })).toContainEqual(
      expect.objectContaining({ id: body.event, count: 0 }),
    )
  })

  it('leaves what a hold keeps until it is released', async () => {
    const customer = newCustomer()
    const [held, other] = await store(customer, { card, contact })
    const request = { token: held!, purpose: 'enforce-rights', reason: 'Case 7' } as const
    const { id } = await vault.commands.addHold(OPERATOR, { ...request, reviewAt: new Date(Date.now() + 30 * DAY) })
    expect((await erase({ customer })).body).toMatchObject({ erased: 1, postponed: 1 })
    expect(await statusOf(other!)).toBe(410)
    expect(await statusOf(held!)).toBe(200)
    await vault.commands.releaseHold(OPERATOR, id)
    expect(await statusOf(held!)).toBe(410)
  })

  it('erases more than a hundred records', async () => {
    const customer = newCustomer()
    const items = Array.from({ length: 120 }, () => ({ customer, contact }))
    const shop = await vault.clientToken(['tokenize'])
    const { body } = await vault.call('POST', '/v1/tokenize/batch', { token: shop, body: { items } })
    expect((await erase({ customer })).body).toMatchObject({ erased: 120, postponed: 0 })
    const tokens = (body.results as { contact: { token: string } }[]).map((result) => result.contact.token)
    const statuses = new Set(await Promise.all(tokens.map((token) => statusOf(token))))
    expect([...statuses]).toEqual([410])
  })

  it('erases each record once when it is asked twice at the same time', async () => {
    const customer = newCustomer()
    const tokens = await store(customer)
    const answers = await Promise.all([erase({ customer }), erase({ customer }, { on: second })])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(answers.map(({ body }) => body.erased).reduce((sum, one) => sum + one)).toBe(tokens.length)
    for (const token of tokens) expect(await vault.events({ type: 'record.erase', token })).toHaveLength(1)
  })

  it('repeats its answer for the same key, also for records that were stored since, and an event says so', async () => {
    const customer = newCustomer()
    await store(customer)
    const headers = { 'Idempotency-Key': `erase-${customer}` }
    const first = await erase({ customer }, { headers })
    const [later] = await store(customer, { contact })
    const again = await erase({ customer }, { headers, on: second })
    expect(again.body).toEqual(first.body)
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(await statusOf(later!)).toBe(200)
    const [replay] = (await vault.events({ type: 'request.replay' })).slice(-1)
    expect(replay).toMatchObject({ replay_of: first.body.event })
    expectProblem(await erase({ customer: 'cus_other' }, { headers }), 422, 'idempotency-key-reused')
  })

  it('is of the site of the caller', async () => {
    const customer = newCustomer()
    const [token] = await store(customer, { contact })
    const elsewhere = await vault.clientToken(['token:erase'], { site: 'elsewhere' })
    expect((await erase({ customer }, { as: elsewhere })).body).toMatchObject({ erased: 0 })
    expect(await statusOf(token!)).toBe(200)
  })
})

describe('403', () => {
  it('without the scope', async () => {
    const support = await vault.staffToken('support')
    expectProblem(await erase({ customer: 'cus_x' }, { as: support }), 403, 'scope-missing')
  })

  it('without what the role demands, before a customer is looked for', async () => {
    const eve = await person({ scope: 'token:erase', conditions: { reason: true } })
    for (const customer of [newCustomer(), 'cus_nowhere']) {
      const answer = await erase({ customer }, { as: eve })
      expectProblem(answer, 403, 'condition-not-met')
      expect(pointersOf(answer)).toEqual(['#/reason'])
    }
    expect((await erase({ customer: 'cus_nowhere', reason: 'asked' }, { as: eve })).status).toBe(200)
  })

  it('with nothing erased, where the role may not erase one of the records', async () => {
    const eve = await person({ scope: 'token:erase', kind: 'card', purposes: ['enforce-rights'] })
    const customer = newCustomer()
    const tokens = await store(customer, { card, contact, billing_address: billingAddress })
    const refused = await erase({ customer, purpose: 'respond-to-query' }, { as: eve })
    expectProblem(refused, 403, 'purpose-not-permitted')
    for (const token of tokens) expect(await statusOf(token)).toBe(200)
  })
})

it.each([
  [{}, '#/customer'],
  [{ customer: '' }, '#/customer'],
  [{ customer: 7 }, '#/customer'],
  [{ customer: 'cus_x', purpose: 'spying' }, '#/purpose'],
  [{ customer: 'cus_x', tokens: [] }, '#'],
])('422 %j', async (body, pointer) => {
  const answer = await erase(body)
  expect(answer.status).toBe(422)
  expect(pointersOf(answer)).toContain(pointer)
})
