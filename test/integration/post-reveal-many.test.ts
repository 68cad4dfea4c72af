import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { card, cards, checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const UNKNOWN = `card_${'0'.repeat(26)}`

let vault: TestVault
let billing: string
let cardToken: string
let addressToken: string
let contactToken: string

beforeAll(async () => {
  vault = await TestVault.start()
  billing = await vault.staffToken('billing')
  const parts = await vault.tokenize(checkout)
  cardToken = parts.card!.token!
  addressToken = parts.billing_address!.token!
  contactToken = parts.contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const revealMany = (items: unknown, more: Record<string, unknown> = {}, as = billing) =>
  vault.call('POST', '/v1/reveal', { token: as, body: { purpose: 'process-payment', items, ...more } })

describe('200', () => {
  it('answers for each item in order: what is granted is released, what is not is refused by itself', async () => {
    const response = await revealMany([
      { token: addressToken, fields: ['city'] },
      { token: UNKNOWN },
      { token: cardToken, fields: ['number'] },
      { token: contactToken },
      { token: 'nonsense' },
      { token: cardToken, fields: ['city'] },
    ])
    expect(response.status).toBe(200)
    const event = expect.stringMatching(/^evt_/)
    const results = response.body.results as Record<string, unknown>[]
    expect(results.slice(0, 3)).toEqual([
      { status: 200, token: addressToken, kind: 'address', data: { city: 'Singapore' }, event },
      expect.objectContaining({ status: 404, token: UNKNOWN, code: 'record-not-found' }),
      { status: 200, token: cardToken, kind: 'card', data: { number: cards.visa }, event },
    ])
    expect(results.slice(3)).toEqual([
      expect.objectContaining({ status: 403, token: contactToken, code: 'scope-missing' }),
      expect.objectContaining({ status: 404, code: 'record-not-found' }),
      expect.objectContaining({ status: 422, token: cardToken, code: 'invalid-input' }),
    ])
    expect(results.filter((result) => 'data' in result)).toHaveLength(2)
  })

  it('leaves one event for each item, released or refused', async () => {
    const response = await revealMany([{ token: cardToken }, { token: UNKNOWN }, { token: contactToken }])
    const events = await vault.events({ request_id: response.headers['request-id'] })
    expect(events.map(({ type, token, code }) => [type, token, code])).toEqual(
      expect.arrayContaining([
        ['record.reveal', cardToken, undefined],
        // A text that is not a token is a caller's input, and is not kept.
        ['request.refuse', undefined, 'record-not-found'],
        ['request.refuse', contactToken, 'scope-missing'],
      ]),
    )
    expect(events).toHaveLength(3)
    const released = events.find(({ type }) => type === 'record.reveal')
    expect(response.body.results[0].event).toBe(released?.id)
  })

  it('releases one record twice when it is asked for twice, with an event for each', async () => {
    const items = [
      { token: cardToken, fields: ['number'] },
      { token: cardToken, fields: ['exp_year'] },
    ]
    const { body } = await revealMany(items)
    expect(body.results.map((result: { data: unknown }) => result.data)).toEqual([
      { number: cards.visa },
      { exp_year: 2031 },
    ])
    expect(body.results[0].event).not.toBe(body.results[1].event)
  })

  it('does not let a record that is damaged hold up the others', async () => {
    const damaged = (await vault.tokenize({ card })).card!.token
    await vault.database.sql(`UPDATE readable.records SET secret_sealed = '\\x01' WHERE token = $1`, [damaged])
    const { body } = await revealMany([{ token: damaged }, { token: cardToken }])
    expect(body.results[0]).toMatchObject({ status: 500, code: 'record-integrity' })
    expect(body.results[1]).toMatchObject({ status: 200, data: { number: cards.visa } })
  })

  it('seals the reason beside every release and beside no refusal', async () => {
    const before = await vault.count('reveal_reasons')
    await revealMany([{ token: cardToken }, { token: UNKNOWN }, { token: addressToken }], { reason: 'a refund' })
    expect(await vault.count('reveal_reasons')).toBe(before + 2)
  })

  it('takes 100 items', async () => {
    const { body } = await revealMany(Array.from({ length: 100 }, () => ({ token: cardToken, fields: ['number'] })))
    expect(body.results.filter((result: { status: number }) => result.status === 200)).toHaveLength(100)
  })
})

describe('403', () => {
  it('refuses who may reveal nothing', async () => {
    const storefront = await vault.staffToken('storefront')
    expectProblem(await revealMany([{ token: cardToken }], {}, storefront), 403, 'scope-missing')
  })
})

describe('422', () => {
  it.each([
    ['101 items', Array.from({ length: 101 }, () => ({ token: UNKNOWN })), '#/items'],
    ['no items', [], '#/items'],
    ['an item with a purpose of its own', [{ token: UNKNOWN, purpose: 'research' }], '#/items/0'],
  ])('refuses %s as a whole', async (_name, items, pointer) => {
    const response = await revealMany(items)
    expect(response.status).toBe(422)
    expect(pointersOf(response)).toEqual([pointer])
  })
})
