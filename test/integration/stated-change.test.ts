import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ProblemCode } from '../../src/values/problem-codes.ts'
import { expectProblem, pointersOf, withoutRequestId } from '../support/problems.ts'
import { billingAddress, card, cards, contact, corrected, shippingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const UNKNOWN = `cont_${'0'.repeat(26)}`
const reason = 'The shopper moved, ticket says so'

let vault: TestVault
let tokens: Record<'card' | 'billing_address' | 'shipping_address' | 'contact', string>
let officer: string

beforeAll(async () => {
  vault = await TestVault.start()
  officer = await vault.staffToken('privacy-officer')
})
beforeEach(async () => {
  const parts = await vault.tokenize({
    card,
    billing_address: billingAddress,
    shipping_address: shippingAddress,
    contact,
  })
  tokens = Object.fromEntries(Object.entries(parts).map(([part, { token }]) => [part, token])) as typeof tokens
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const correct = (as: string, token: string, body: object = {}) => {
  const change = token.startsWith('card_') ? { exp_year: 2035 } : { name: corrected.name }
  return vault.call('PATCH', `/v1/tokens/${token}`, { token: as, body: { ...change, ...body } })
}
const erase = (as: string, token: string, body: object = {}, headers = {}) =>
  vault.call('POST', `/v1/tokens/${token}/erase`, { token: as, body, headers })
const remove = (as: string, token: string) => vault.call('DELETE', `/v1/tokens/${token}`, { token: as })
const stands = async (token: string) =>
  (await vault.call('GET', `/v1/tokens/${token}`, { token: officer })).body.version as number | undefined
const eventOf = async (type: string, token: string) => (await vault.events({ type, token })).at(-1)
/** Whether a sealed reason is beside the event. */
const hasReason = async (event: unknown) =>
  (await vault.database.sql('SELECT FROM readable.reveal_reasons WHERE event = $1', [event])).length === 1

describe('a correction says why beside the fields', () => {
  it('and its event holds the purpose and the ticket; the reason is beside it, sealed', async () => {
    const answer = await correct(officer, tokens.contact, { purpose: 'respond-to-query', reason, ticket: 'CASE-4' })
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body).toMatchObject({ version: 2 })
    const event = await eventOf('record.correct', tokens.contact)
    expect(event).toMatchObject({ purpose: 'respond-to-query', ticket: 'CASE-4', fields: ['name'], record_version: 2 })
    expect(JSON.stringify(event)).not.toContain('moved')
    expect(await hasReason(event!.id)).toBe(true)
    const dump = await vault.database.sql('SELECT r::text AS line FROM readable.reveal_reasons r')
    expect(JSON.stringify(dump)).not.toContain('moved')
  })

  it('or need not, where the role does not ask', async () => {
    expect((await correct(officer, tokens.contact)).status).toBe(200)
    const event = await eventOf('record.correct', tokens.contact)
    expect(event).not.toHaveProperty('purpose')
    expect(event).not.toHaveProperty('ticket')
    expect(await hasReason(event!.id)).toBe(false)
  })

  it.each<[string, object, ProblemCode, string]>([
    ['an invalid purpose', { purpose: 'curiosity' }, 'invalid-input', '#/purpose'],
    ['a ticket that is a text', { ticket: 'the shopper called' }, 'invalid-input', '#/ticket'],
    ['a reason that is a number', { reason: 7 }, 'invalid-input', '#/reason'],
    ['a card number as the reason', { reason: `card ${cards.visa}` }, 'card-number-in-text', '#/reason'],
    ['an authority', { authority: 'State Courts' }, 'unknown-member', '#'],
    ['glass to break', { break_glass: true }, 'unknown-member', '#'],
  ])('takes no %s', async (_name, body, code, pointer) => {
    const refused = await correct(officer, tokens.contact, body)
    expectProblem(refused, 422, code)
    expect(pointersOf(refused)).toEqual([pointer])
    expect(await stands(tokens.contact)).toBe(1)
  })

  it('and a reason alone corrects nothing', async () => {
    const body = { reason, purpose: 'communicate' }
    const refused = await vault.call('PATCH', `/v1/tokens/${tokens.contact}`, { token: officer, body })
    expectProblem(refused, 422, 'invalid-input')
  })
})

describe('erasing says why in the body of a POST', () => {
  it('204, and the event holds the purpose and the ticket; the reason is kept, sealed', async () => {
    const answer = await erase(officer, tokens.contact, { purpose: 'respond-to-query', reason, ticket: 'CASE-5' })
    expect(answer.status, answer.text).toBe(204)
    expect(answer.text).toBe('')
    expectProblem(await vault.call('GET', `/v1/tokens/${tokens.contact}`, { token: officer }), 410, 'record-gone')
    const event = await eventOf('record.erase', tokens.contact)
    expect(event).toMatchObject({ purpose: 'respond-to-query', ticket: 'CASE-5', kind: 'contact' })
    expect(await hasReason(event!.id)).toBe(true)
    expectProblem(await erase(officer, tokens.contact), 410, 'record-gone')
  })

  it('or not, and DELETE works for roles without conditions', async () => {
    expect((await erase(officer, tokens.contact)).status).toBe(204)
    expect((await remove(officer, tokens.card)).status).toBe(204)
  })

  it('is one request for each Idempotency-Key', async () => {
    const headers = { 'Idempotency-Key': 'erase-1' }
    expect((await erase(officer, tokens.card, { reason }, headers)).status).toBe(204)
    const again = await erase(officer, tokens.card, { reason }, headers)
    expect(again.status).toBe(204)
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(await vault.events({ type: 'record.erase', token: tokens.card })).toHaveLength(1)
    expectProblem(await erase(officer, tokens.card, { reason: 'x' }, headers), 422, 'idempotency-key-reused')
    expectProblem(await erase(officer, tokens.contact, { reason }, headers), 422, 'idempotency-key-reused')
  })

  it('answers in the order of every other call', async () => {
    const body = { token: undefined, body: { bad: true } }
    expectProblem(await vault.call('POST', `/v1/tokens/${UNKNOWN}/erase`, body), 401, 'unauthenticated')
    expectProblem(await erase(await vault.staffToken('auditor'), UNKNOWN), 403, 'scope-missing')
    expectProblem(await erase(officer, tokens.contact, { tenant: 'x' }), 422, 'unknown-member')
    const foreign = (await vault.tokenize({ contact }, { site: 'partner' })).contact!.token!
    const [first, ...others] = await Promise.all([UNKNOWN, foreign, 'nonsense'].map((token) => erase(officer, token)))
    expectProblem(first!, 404, 'record-not-found')
    for (const other of others) expect(withoutRequestId(other)).toBe(withoutRequestId(first!))
  })
})
