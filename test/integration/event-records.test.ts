import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { roleOf } from '../../src/access/policy/role-summary.ts'
import { eventConditions } from '../../src/audit/reading/event-filter-store.ts'
import { openDatabase } from '../../src/database/database.ts'
import { createRecordBatches } from '../../src/records/record-batches.ts'
import { expectProblem } from '../support/problems.ts'
import { billingAddress, card, contact, shippingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** What events say of the records and fields that they are about. */

let vault: TestVault
let client: { id: string; secret: string }
let checkoutToken: string

beforeAll(async () => {
  vault = await TestVault.start()
  client = await vault.client(roleOf('checkout').scopes, { role: 'checkout' })
  checkoutToken = (await vault.requestToken(client.id, client.secret)).body.access_token
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await vault.stop()
})

type Event = Record<string, unknown>
const eventsOf = (response: { headers: Record<string, string> }, where: Event = {}) =>
  vault.events({ request_id: response.headers['request-id'], ...where })
const tokenize = (body: unknown, key?: string) =>
  vault.call('POST', '/v1/tokenize', {
    token: checkoutToken,
    body,
    headers: key === undefined ? {} : { 'Idempotency-Key': key },
  })
const fakeIds = () => `cus_${Math.random().toString(36).slice(2)}`

describe('which records', () => {
  it('a search names those that it showed, and who saw a card is found by its token', async () => {
    const customer = fakeIds()
    const stored = (await tokenize({ customer, card, contact })).body
    const tokens = [stored.card.token, stored.contact.token] as string[]
    const support = await vault.staffToken('support', { name: 'Curious' })
    const search = await vault.call('POST', '/v1/search', { token: support, body: { by: 'customer', value: customer } })
    expect(search.body.results).toHaveLength(2)
    const [event] = await eventsOf(search)
    expect([...(event!.tokens as string[])].sort()).toEqual(tokens.sort())
    expect(event).toMatchObject({ type: 'record.search', count: 2 })

    const auditor = await vault.staffToken('auditor')
    const listed = await vault.call('GET', `/v1/audit/events?token=${stored.card.token}`, { token: auditor })
    expect(listed.body.events.map(({ id }: Event) => id)).toContain(event!.id)
    const other = (await tokenize({ card })).body.card.token
    const ofOther = await vault.call('GET', `/v1/audit/events?token=${other}`, { token: auditor })
    expect(ofOther.body.events.map(({ type }: Event) => type)).toEqual(['record.tokenize'])
    // And by the customer of the records, as an export looks for it.
    const operator = { id: 'operator:test', kind: 'operator' } as const
    const byTokens = await vault.commands.listAuditEvents(operator, { tokens: [tokens[1]!], limit: 100 })
    expect(byTokens.map(({ id }) => id)).toContain(event!.id)
  })

  it('are found by an index, in any log', async () => {
    const { sql, values } = eventConditions({ token: 'card_x' }, 1)
    const database = openDatabase({ url: vault.database.serverUrl })
    const plan = await database.transaction(async (tx) => {
      await tx.query({ name: 'without-scans', text: 'SET LOCAL enable_seqscan = off' })
      return tx.query({ name: 'explain', text: `EXPLAIN SELECT id FROM audit_events WHERE true${sql}` }, values)
    })
    await database.close()
    expect(JSON.stringify(plan)).toMatch(/Bitmap Index Scan on audit_events_\w*string_to_array/)
    expect(JSON.stringify(plan)).not.toContain('Seq Scan')
  })

  it('a search that found nothing names none', async () => {
    const support = await vault.staffToken('support')
    const body = { by: 'customer', value: fakeIds() }
    const [event] = await eventsOf(await vault.call('POST', '/v1/search', { token: support, body }))
    expect(event).toMatchObject({ count: 0 })
    expect(event).not.toHaveProperty('tokens')
  })

  it('a list of approvals is an event, too', async () => {
    const officer = await vault.staffToken('privacy-officer')
    const [event] = await eventsOf(await vault.call('GET', '/v1/approvals', { token: officer }))
    expect(event).toMatchObject({ type: 'approval.list', count: 0, caller: { role: 'privacy-officer' } })
  })
})

describe('what was asked', () => {
  let support: string
  let token: string

  beforeAll(async () => {
    support = await vault.staffToken('support')
    token = (await tokenize({ card })).body.card.token
  })

  it('a refused reveal says which fields, and keeps no other text', async () => {
    const billing = await vault.staffToken('billing')
    const body = { purpose: 'marketing', fields: ['number', 'exp_month'] }
    const refused = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: billing, body })
    expectProblem(refused, 403, 'purpose-not-permitted')
    expect(await eventsOf(refused)).toEqual([
      expect.objectContaining({ purpose: 'marketing', fields: ['number', 'exp_month'], token }),
    ])
    const strange = { purpose: 'process-payment', fields: ['number', 'Mei Ling lives here'] }
    const [event] = await eventsOf(
      await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: billing, body: strange }),
    )
    expect(event).toMatchObject({ fields: ['number'] })
    expect(JSON.stringify(event)).not.toContain('Mei')
  })

  it('of each item in a reveal of many', async () => {
    const items = [{ token, fields: ['number'] }, { token }]
    const refused = await vault.call('POST', '/v1/reveal', { token: support, body: { purpose: 'communicate', items } })
    const events = await eventsOf(refused)
    expect(events.map(({ fields }) => fields)).toEqual([['number'], undefined])
  })

  it.each<[string, 'PATCH' | 'POST', (path: string) => string, object, Event]>([
    ['a correction', 'PATCH', (path) => path, { line1: 'x', purpose: 'communicate' }, { fields: ['line1'] }],
    ['a comparison', 'POST', (path) => `${path}/match`, { fields: { last4: '12345' } }, { fields: ['last4'] }],
    ['a search by number', 'POST', () => '/v1/search', { by: 'card_number', value: '1' }, { fields: ['number'] }],
    ['an erasure', 'POST', (path) => `${path}/erase`, { purpose: 'communicate', x: 1 }, { purpose: 'communicate' }],
  ])('%s says so too', async (_what, method, target, body, expected) => {
    // A caller with every scope that these need: the refusal comes from the body.
    const staff = await vault.staffToken(method === 'PATCH' ? 'storefront' : 'privacy-officer')
    const caller = target('').endsWith('match') ? await vault.staffToken('fraud') : staff
    const refused = await vault.call(method, target(`/v1/tokens/${token}`), { token: caller, body })
    expect(refused.status, refused.text).toBeGreaterThanOrEqual(400)
    const events = await eventsOf(refused)
    if (refused.body.code !== 'scope-missing') expect(events).toEqual([expect.objectContaining(expected)])
    expect(refused.body.code).not.toBe('scope-missing')
  })
})

describe('what left', () => {
  it('is what the event of a reveal says, and not what was granted', async () => {
    const { line2: _line2, ...withoutLine2 } = billingAddress
    const stored = (await tokenize({ shipping_address: shippingAddress, billing_address: withoutLine2 })).body
    const legal = await vault.staffToken('legal')
    const revealed = async (token: string, fields?: string[]) => {
      const body = { purpose: 'enforce-rights', fields }
      return vault.call('POST', `/v1/tokens/${token}/reveal`, { token: legal, body })
    }
    for (const token of [stored.shipping_address.token, stored.billing_address.token]) {
      const response = await revealed(token)
      expect(response.status, response.text).toBe(200)
      const [event] = await vault.events({ id: response.body.event })
      expect(event!.fields).toEqual(Object.keys(response.body.data))
    }
    const [first] = await vault.events({ id: (await revealed(stored.shipping_address.token)).body.event })
    const [second] = await vault.events({ id: (await revealed(stored.billing_address.token)).body.event })
    expect(first!.fields).toEqual(expect.arrayContaining(['line2', 'phone', 'instructions']))
    expect(second!.fields).not.toContain('line2')
    expect(second!.fields).not.toContain('phone')
    const none = await revealed(stored.billing_address.token, ['line2', 'phone'])
    expect(none.body.data).toEqual({})
    expect(await vault.events({ id: none.body.event })).toEqual([expect.objectContaining({ fields: [] })])
  })
})

describe('a record that is corrected between its opening and its event', () => {
  it('is opened again: what leaves is what the event says about the current version', async () => {
    const { token } = (await tokenize({ contact: { email: 'before@example.sg' } })).body.contact
    const storefront = await vault.staffToken('storefront')
    const database = openDatabase({ url: vault.database.serverUrl })
    const real = createRecordBatches(database)
    let corrections = 0
    const release: typeof real.release = async (wanted) => {
      if (wanted.records[0]?.record.version === 1) {
        const body = { email: 'after@example.sg', phone: '+65 6987 6543' }
        expect((await vault.call('PATCH', `/v1/tokens/${token}`, { token: storefront, body })).status).toBe(200)
        corrections++
      }
      return real.release(wanted)
    }
    const slow = await TestVault.start({ sharedDatabase: vault.database, overrides: { batches: { ...real, release } } })
    const request = {
      token: await vault.staffToken('legal'),
      body: { purpose: 'enforce-rights' },
      headers: { 'Idempotency-Key': 'corrected-meanwhile' },
    }
    const answers = [
      await slow.call('POST', `/v1/tokens/${token}/reveal`, request),
      await slow.call('POST', `/v1/tokens/${token}/reveal`, request),
    ]
    for (const { body } of answers) expect(body.data).toMatchObject({ email: 'after@example.sg' })
    expect([corrections, answers[1]!.headers['idempotent-replayed']]).toEqual([1, 'true'])
    const events = await eventsOf(answers[0]!)
    expect(events).toEqual([expect.objectContaining({ id: answers[0]!.body.event, record_version: 2 })])
    expect(events[0]!.fields).toEqual(Object.keys(answers[0]!.body.data))
    const [again] = await eventsOf(answers[1]!)
    expect(again).toMatchObject({ type: 'record.reveal', replay_of: events[0]!.id })
    await slow.stop()
    await database.close()
  })
})

describe('a replay', () => {
  let key = 0
  const newKey = () => `event-facts-${++key}`
  const withKey = (token: string, body: unknown) => ({ token, body, headers: { 'Idempotency-Key': newKey() } })

  async function twice(method: 'POST', path: string, request: Parameters<TestVault['call']>[2]) {
    const first = await vault.call(method, path, request)
    const again = await vault.call(method, path, request)
    expect(again.headers['idempotent-replayed'], again.text).toBe('true')
    // What is written ahead of an erasure is no part of its answer.
    const answered = (await eventsOf(first)).filter(({ type }) => type !== 'record.erase-intent')
    return { first: answered, again: await eventsOf(again) }
  }

  it('of a checkout names the tokenization of each of its records', async () => {
    const { first, again } = await twice('POST', '/v1/tokenize', withKey(checkoutToken, { card, contact }))
    expect(first).toHaveLength(2)
    expect(again.map(({ type, token, replay_of }) => [type, token, replay_of]).sort()).toEqual(
      first.map(({ id, token }) => ['request.replay', token, id]).sort(),
    )
  })

  it('of a batch also names the refusals of its items', async () => {
    const body = { items: [{ card }, { card: { ...card, number: '4242424242424241' } }] }
    const { first, again } = await twice('POST', '/v1/tokenize/batch', withKey(checkoutToken, body))
    expect(first.map(({ type }) => type).sort()).toEqual(['record.tokenize', 'request.refuse'])
    expect(again.map(({ replay_of }) => replay_of).sort()).toEqual(first.map(({ id }) => id).sort())
  })

  it('of an erasure, a search and a comparison names the first event', async () => {
    const customer = fakeIds()
    const { token } = (await tokenize({ customer, card })).body.card
    const officer = await vault.staffToken('privacy-officer')
    const fraud = await vault.staffToken('fraud')
    const runs = [
      await twice('POST', '/v1/search', withKey(fraud, { by: 'customer', value: customer })),
      await twice('POST', `/v1/tokens/${token}/match`, withKey(fraud, { fields: { last4: '4242' } })),
      await twice('POST', `/v1/tokens/${token}/erase`, withKey(officer, {})),
    ]
    for (const { first, again } of runs) {
      expect(first).toHaveLength(1)
      expect(again.map(({ replay_of }) => replay_of)).toEqual([first[0]!.id])
      expect(first[0]).not.toHaveProperty('replay_of')
    }
  })
})
