import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { card, cards, checkout, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'], { role: 'checkout' })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const batch = (items: unknown, headers: Record<string, string> = {}) =>
  vault.call('POST', '/v1/tokenize/batch', { token, body: { items }, headers })
const withNumber = (number: string) => ({ card: { ...card, number } })

describe('200', () => {
  it('answers for each item in order, with its own status', async () => {
    const items = [withNumber(cards.visa), withNumber(cards.amex), withNumber(cards.mastercard)]
    const response = await batch(items)
    expect(response.status).toBe(200)
    const results = response.body.results as { status: number; card: { last4: string } }[]
    expect(results.map((result) => [result.status, result.card.last4])).toEqual([
      [201, '4242'],
      [201, '0005'],
      [201, '4444'],
    ])
  })

  it('does not let a bad item hold up the others', async () => {
    const before = await vault.count('records')
    const items = [checkout, { card: { ...card, number: '4242424242424241' } }, 'no object', { contact }]
    const response = await batch(items)
    const [first, second, third, fourth] = response.body.results
    expect(response.status).toBe(200)
    expect(first).toMatchObject({ status: 201, customer: 'cus_1042', card: { last4: '4242' } })
    expect(second).toMatchObject({ status: 422, code: 'invalid-card-number', errors: [{ pointer: '#/card/number' }] })
    expect(third).toMatchObject({ status: 422, code: 'invalid-input' })
    expect(fourth).toMatchObject({ status: 201, contact: { kind: 'contact' } })
    expect(await vault.count('records')).toBe(before + 5)
  })

  it('leaves an event for each part that was stored and for each item that was refused', async () => {
    const response = await batch([{ contact }, {}, { card }])
    const events = await vault.events({ request_id: response.headers['request-id'] })
    expect(events.map((event) => `${event.type} ${event.code ?? event.token}`).sort()).toEqual(
      [
        `record.tokenize ${response.body.results[0].contact.token}`,
        `record.tokenize ${response.body.results[2].card.token}`,
        'request.refuse invalid-input',
      ].sort(),
    )
  })

  it('stores what it acknowledges: a token of the batch can be revealed', async () => {
    const { body } = await batch([withNumber(cards.amex)])
    const billing = await vault.staffToken('billing')
    const revealed = await vault.call('POST', `/v1/tokens/${body.results[0].card.token}/reveal`, {
      token: billing,
      body: { purpose: 'process-payment', fields: ['number'] },
    })
    expect(revealed.body.data).toEqual({ number: cards.amex })
  })

  it('takes 1,000 items', async () => {
    const before = await vault.count('records')
    const response = await batch(Array.from({ length: 1000 }, (_, at) => ({ customer: `cus_${at}`, contact })))
    expect(response.status).toBe(200)
    const results = response.body.results as { status: number; customer: string; contact: { token: string } }[]
    expect(results.every((result, at) => result.status === 201 && result.customer === `cus_${at}`)).toBe(true)
    expect(new Set(results.map((result) => result.contact.token)).size).toBe(1000)
    expect(await vault.count('records')).toBe(before + 1000)
  })

  it('stores one set of records for an Idempotency-Key, and answers the same again', async () => {
    const before = await vault.count('records')
    const key = { 'Idempotency-Key': 'batch-1' }
    const items = [{ contact }, {}, { card }]
    const first = await batch(items, key)
    const again = await batch(items, key)
    expect(first.headers['idempotent-replayed']).toBeUndefined()
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.text).toBe(first.text)
    expect(await vault.count('records')).toBe(before + 2)
  })
})

describe('422', () => {
  it.each([
    ['1,001 items', Array.from({ length: 1001 }, () => ({ contact }))],
    ['no items', []],
    ['items that are no list', { contact }],
  ])('refuses %s as a whole and stores nothing', async (_name, items) => {
    const before = await vault.count('records')
    const response = await batch(items)
    expectProblem(response, 422, 'invalid-input')
    expect(pointersOf(response)).toEqual(['#/items'])
    expect(await vault.count('records')).toBe(before)
  })
})

describe('403', () => {
  it('refuses who may not tokenize', async () => {
    const auditor = await vault.staffToken('auditor')
    const response = await vault.call('POST', '/v1/tokenize/batch', { token: auditor, body: { items: [{ contact }] } })
    expectProblem(response, 403, 'scope-missing')
  })
})
