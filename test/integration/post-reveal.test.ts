import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { billingAddress, card, cards, checkout, contact, person, shippingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const E164 = '+6561234567'

let vault: TestVault
let parts: Record<string, string>

beforeAll(async () => {
  vault = await TestVault.start()
  const tokenized = await vault.tokenize(checkout)
  parts = Object.fromEntries(Object.entries(tokenized).map(([part, { token }]) => [part, token!]))
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const reveal = (bearer: string, token: string | undefined, body: Record<string, unknown>) =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body })

describe('200', () => {
  const number = cards.visa
  const label = { ...billingAddress }
  it.each([
    ['billing', 'process-payment', 'card', { ...card, number }],
    ['billing', 'process-payment', 'billing_address', label],
    ['fulfilment', 'provide-goods', 'shipping_address', { ...shippingAddress, phone_e164: E164 }],
    ['fulfilment', 'provide-goods', 'contact', { name: person.name, phone: person.phone, phone_e164: E164 }],
    ['support', 'respond-to-query', 'contact', { ...contact, phone_e164: E164 }],
    ['fraud', 'enforce-rights', 'card', { exp_month: 12, exp_year: 2031, holder_name: person.name }],
    ['legal', 'enforce-rights', 'card', { ...card, number }],
    ['privacy-officer', 'respond-to-query', 'billing_address', label],
  ] as const)('releases to %s for %s exactly its fields of the %s', async (role, purpose, part, data) => {
    const response = await reveal(await vault.staffToken(role), parts[part], { purpose })
    expect(response.status, response.text).toBe(200)
    const kind = part.endsWith('address') ? 'address' : part
    expect(response.body).toEqual({ token: parts[part], kind, data, event: expect.stringMatching(/^evt_/) })
  })

  it('releases only the fields that were asked for', async () => {
    const fields = ['exp_year', 'holder_name']
    const billing = await vault.staffToken('billing')
    const response = await reveal(billing, parts.card, { purpose: 'process-payment', fields })
    expect(response.body.data).toEqual({ exp_year: 2031, holder_name: person.name })
  })

  it('names the event that had committed before the answer left', async () => {
    const billing = await vault.staffToken('billing', { name: 'Ada' })
    const response = await reveal(billing, parts.card, { purpose: 'process-payment', fields: ['number'] })
    expect(await vault.events({ id: response.body.event })).toEqual([
      {
        format: 1,
        id: response.body.event,
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        type: 'record.reveal',
        outcome: 'success',
        request_id: response.headers['request-id'],
        caller: { id: 'staff:ada', kind: 'staff', role: 'billing' },
        source: '127.0.0.1',
        site: 'default',
        token: parts.card,
        kind: 'card',
        made: { number: expect.any(Number), process: expect.stringMatching(/^proc_/), settled: expect.any(Number) },
        purpose: 'process-payment',
        fields: ['number'],
        policy_version: '2026-11-01',
        record_version: 1,
      },
    ])
  })

  it('keeps the reason sealed, beside the event and not in it', async () => {
    const reason = 'Call from the shopper about order 77, spoke to a neighbour'
    const support = await vault.staffToken('support')
    const response = await reveal(support, parts.contact, { purpose: 'communicate', reason })
    expect(response.status).toBe(200)
    const { event } = response.body
    const [row] = await vault.database.sql<{ reason_sealed: Buffer }>(
      'SELECT reason_sealed FROM readable.reveal_reasons WHERE event = $1',
      [event],
    )
    expect(row!.reason_sealed.length).toBeGreaterThan(128)
    expect(row!.reason_sealed.toString('latin1')).not.toContain('neighbour')
    expect(JSON.stringify(await vault.events({ id: event }))).not.toMatch(/neighbour|order 77/)
    expect(vault.logLines.join('')).not.toContain('neighbour')
  })

  it('releases for marketing what the shopper consented to, by the name and e-mail only', async () => {
    const agreed = await vault.tokenize({ contact, consents: ['marketing'] })
    const marketing = await vault.staffToken('marketing')
    const response = await reveal(marketing, agreed.contact!.token, { purpose: 'marketing' })
    expect(response.body.data).toEqual({ name: person.name, email: person.email })
  })

  it('releases to a client by its role', async () => {
    const client = await vault.clientToken(['contact:reveal'], { role: 'fulfilment' })
    const response = await reveal(client, parts.contact, { purpose: 'provide-goods', fields: ['name'] })
    expect(response.body.data).toEqual({ name: person.name })
  })
})

const eventsOf = async (response: Response) =>
  (await vault.events({ request_id: response.body.request_id })).map(({ type, code }) => `${type} ${code}`)

describe('refused for what the record says', () => {
  // What is refused when it has been looked up must not be recorded as released.
  it('consent-missing: for marketing without the consent of the record', async () => {
    const marketing = await vault.staffToken('marketing')
    const response = await reveal(marketing, parts.contact, { purpose: 'marketing' })
    expectProblem(response, 403, 'consent-missing')
    expect(await eventsOf(response)).toEqual(['request.refuse consent-missing'])
  })

  it('record-gone: leaves no event of a release', async () => {
    const { token } = (await vault.tokenize({ card })).card!
    await vault.call('DELETE', `/v1/tokens/${token}`, { token: await vault.staffToken('privacy-officer') })
    const response = await reveal(await vault.staffToken('billing'), token, { purpose: 'process-payment' })
    expectProblem(response, 410, 'record-gone')
    expect(await eventsOf(response)).toEqual(['request.refuse record-gone'])
  })
})

describe('403', () => {
  it('scope-missing: for a kind that the caller has no scope for', async () => {
    const fulfilment = await vault.staffToken('fulfilment')
    expectProblem(await reveal(fulfilment, parts.card, { purpose: 'provide-goods' }), 403, 'scope-missing')
  })

  it('purpose-not-permitted: for a purpose that the role does not have', async () => {
    const billing = await vault.staffToken('billing')
    expectProblem(await reveal(billing, parts.card, { purpose: 'research' }), 403, 'purpose-not-permitted')
  })

  it('purpose-not-permitted: for a purpose of the role that the token was narrowed away from', async () => {
    const legal = await vault.staffToken('legal', { purposes: ['enforce-rights'] })
    expect((await reveal(legal, parts.card, { purpose: 'enforce-rights' })).status).toBe(200)
    expectProblem(await reveal(legal, parts.card, { purpose: 'legal-compliance' }), 403, 'purpose-not-permitted')
  })

  it('purpose-not-permitted: for a client that has the scope and no role', async () => {
    const client = await vault.clientToken(['card:reveal'])
    expectProblem(await reveal(client, parts.card, { purpose: 'process-payment' }), 403, 'purpose-not-permitted')
  })

  it('fields-not-permitted: releases nothing when one field of several is not granted', async () => {
    const fraud = await vault.staffToken('fraud')
    const body = { purpose: 'enforce-rights', fields: ['exp_year', 'number'] }
    const response = await reveal(fraud, parts.card, body)
    expectProblem(response, 403, 'fields-not-permitted')
    const events = await vault.events({ request_id: response.body.request_id })
    expect(events).toEqual([
      expect.objectContaining({
        type: 'request.refuse',
        outcome: 'refused',
        code: 'fields-not-permitted',
        token: parts.card,
        purpose: 'enforce-rights',
      }),
    ])
  })
})

describe('422', () => {
  it.each([
    ['no purpose', {}, 'invalid-input', '#/purpose'],
    ['an unknown purpose', { purpose: 'curiosity' }, 'invalid-input', '#/purpose'],
    ['an unknown field', { purpose: 'process-payment', fields: ['cvc'] }, 'invalid-input', '#/fields'],
    ['no fields at all', { purpose: 'process-payment', fields: [] }, 'invalid-input', '#/fields'],
    ['an unknown member', { purpose: 'process-payment', expand: '*' }, 'unknown-member', '#'],
    [
      'a card number as the reason',
      { purpose: 'process-payment', reason: cards.visa },
      'card-number-in-text',
      '#/reason',
    ],
  ] as const)('refuses %s', async (_name, body, code, pointer) => {
    const response = await reveal(await vault.staffToken('billing'), parts.card, body)
    expectProblem(response, 422, code)
    expect(pointersOf(response)).toEqual([pointer])
  })
})

describe('500', () => {
  it('releases nothing of a record whose secret part was changed', async () => {
    const { token } = (await vault.tokenize({ card })).card!
    await vault.database.sql(
      'UPDATE readable.records SET secret_sealed = set_byte(secret_sealed, 60, get_byte(secret_sealed, 60) # 1) WHERE token = $1',
      [token],
    )
    const response = await reveal(await vault.staffToken('billing'), token, { purpose: 'process-payment' })
    expectProblem(response, 500, 'record-integrity')
    const events = await vault.events({ request_id: response.body.request_id })
    // Nothing left, and no event says that something did.
    expect(events).toEqual([
      expect.objectContaining({ type: 'request.refuse', outcome: 'failed', code: 'record-integrity', token }),
    ])
  })
})
