import { hostname } from 'node:os'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { roleOf } from '../../src/access/roles.ts'
import { eventConditions } from '../../src/audit/audit-store.ts'
import { toOcsf } from '../../src/audit/delivery/ocsf-event.ts'
import { openDatabase } from '../../src/database/database.ts'
import { Problem } from '../../src/problem.ts'
import { createRecordBatches } from '../../src/records/record-batches.ts'
import { expectProblem } from '../support/problems.ts'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { billingAddress, card, contact, shippingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** What events say of who acted, from where and on which records. */

let vault: TestVault
/** Another server of the vault, behind a proxy that it trusts. */
let proxied: TestVault
let client: { id: string; secret: string }
let checkoutToken: string

beforeAll(async () => {
  vault = await TestVault.start()
  proxied = await TestVault.start({
    sharedDatabase: vault.database,
    config: { keepsLog: true },
    trustedProxies: ['127.0.0.1'],
  })
  client = await vault.client(roleOf('checkout').scopes, { role: 'checkout' })
  checkoutToken = (await vault.requestToken(client.id, client.secret)).body.access_token
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await proxied.stop()
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

describe('from where', () => {
  it('every event of a call says so, the address in full', async () => {
    const stored = await tokenize({ contact, card })
    const support = await vault.staffToken('support')
    const path = `/v1/tokens/${stored.body.contact.token}`
    const answers = [
      stored,
      await vault.call('GET', path, { token: support }),
      await vault.call('POST', `${path}/reveal`, { token: support, body: { purpose: 'communicate' } }),
      await vault.call('POST', '/v1/search', { token: support, body: { by: 'email', value: contact.email } }),
      await vault.call('GET', path, { token: checkoutToken }),
      await vault.call('GET', path),
      await vault.requestToken(client.id, client.secret),
      await vault.call('GET', '/v1/audit/events', { token: await vault.staffToken('auditor') }),
    ]
    for (const answer of answers) {
      const events = await eventsOf(answer)
      expect(events.length, answer.text).toBeGreaterThan(0)
      for (const event of events) expect(event.source).toBe('127.0.0.1')
    }
  })

  it('is what a trusted proxy says, of IPv6 in full too', async () => {
    const headers = { 'X-Forwarded-For': '2001:DB8:1:2:3::7' }
    const response = await proxied.call('GET', `/v1/tokens/card_${'0'.repeat(26)}`, { headers })
    expect(await eventsOf(response)).toEqual([expect.objectContaining({ source: '2001:db8:1:2:3::7' })])
  })

  it('is the machine where neither a request nor an operator has made the event', async () => {
    const all = await vault.events()
    expect(all.filter(({ source }) => source === undefined)).toEqual([])
    expect(all.find(({ type }) => type === 'audit.start')?.source).toBe(`host:${hostname()}`)
  })
})

describe('a log-in that is refused', () => {
  const logIn = (text: string, headers: Record<string, string> = {}) =>
    vault.call('POST', '/oauth/token', {
      text,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    })
  const basic = (id: string, secret: string) => ({
    Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  })

  it.each<[string, () => Promise<{ headers: Record<string, string> }>]>([
    ['a wrong secret', () => logIn('grant_type=client_credentials', basic(client.id, 'guess'))],
    ['a wrong secret in the body', () => logIn(`grant_type=client_credentials&client_id=${client.id}&client_secret=x`)],
    ['a grant that there is not', () => logIn('grant_type=password', basic(client.id, client.secret))],
    ['a scope that it has not', () => logIn('grant_type=client_credentials&scope=x', basic(client.id, client.secret))],
    ['a body that cannot be read', () => logIn('a=1&a=2', basic(client.id, client.secret))],
  ])('names the client that was claimed: %s', async (_what, send) => {
    const response = await send()
    const [event, ...others] = await eventsOf(response)
    expect(others).toEqual([])
    expect(event).toMatchObject({ type: 'request.refuse', subject: client.id, source: '127.0.0.1' })
    expect(event).not.toHaveProperty('caller')
  })

  it('keeps nothing that has not the form of an id: it may be a secret', async () => {
    const response = await logIn('grant_type=client_credentials', basic(client.secret, 'x'))
    const [event] = await eventsOf(response)
    expect(event).not.toHaveProperty('subject')
    expect(JSON.stringify(event)).not.toContain(client.secret)
  })

  it('is a failed logon in OCSF, of that client and from that address', async () => {
    const [event] = await eventsOf(await logIn('grant_type=client_credentials', basic(client.id, 'guess')))
    expect(toOcsf(JSON.stringify(event), 1, '0')).toMatchObject({
      ...{ class_uid: 3002, activity_id: 1, status: 'Failure', status_code: 'invalid-client' },
      user: { uid: client.id },
      src_endpoint: { ip: '127.0.0.1' },
    })
  })

  it('is found by the daily review with both', async () => {
    const before = new Date(Date.now() - 60_000)
    for (let times = 0; times < 21; times++) {
      await proxied.call('POST', '/oauth/token', {
        text: 'grant_type=client_credentials',
        headers: {
          'Content-Type': 'application/x-www-form-urlencoded',
          'X-Forwarded-For': '198.51.100.7',
          ...basic(client.id, 'guess'),
        },
      })
    }
    const operator = { id: 'operator:test', kind: 'operator' } as const
    const findings = await vault.strongroom.commands.reviewLog(operator, { since: before, timeZone: 'UTC' })
    const found = findings.find(({ rule, detail }) => rule === 'many-refusals' && detail.includes('/oauth/token'))
    expect(found?.sources).toContain('198.51.100.7')
    expect(found?.claimed).toContain(client.id)
    expect(found?.detail).toMatch(new RegExp(`198\\.51\\.100\\.7.* as .*${client.id}`))
  })
})

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
    const byTokens = await vault.strongroom.commands.listAuditEvents(operator, { tokens: [tokens[1]!], limit: 100 })
    expect(byTokens.map(({ id }) => id)).toContain(event!.id)
  })

  it('are found by an index, whatever else the log holds', async () => {
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
  ])('%s says so as well', async (_what, method, target, body, expected) => {
    // Who has every scope that these need: the refusal comes of the body.
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

describe('a replay', () => {
  let key = 0
  const newKey = () => `event-facts-${++key}`
  const withKey = (token: string, body: unknown) => ({ token, body, headers: { 'Idempotency-Key': newKey() } })

  async function twice(method: 'POST', path: string, request: Parameters<TestVault['call']>[2]) {
    const first = await vault.call(method, path, request)
    const again = await vault.call(method, path, request)
    expect(again.headers['idempotent-replayed'], again.text).toBe('true')
    return { first: await eventsOf(first), again: await eventsOf(again) }
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

describe('a request that leads nowhere', () => {
  it('is an event with a valid token, and none without', async () => {
    const known = await vault.call('GET', '/v1/nothing/4242424242424242x', { token: checkoutToken })
    const [event, ...others] = await eventsOf(known)
    expect(others).toEqual([])
    const caller = { id: client.id, kind: 'client', role: 'checkout' }
    expect(event).toMatchObject({ type: 'request.refuse', code: 'not-found', caller, site: 'default', route: 'none' })
    expect(JSON.stringify(event)).not.toContain('nothing')
    for (const token of [undefined, 'no token', `${checkoutToken}x`]) {
      expect(await eventsOf(await vault.call('GET', '/v1/nothing', { token }))).toEqual([])
    }
  })

  it('is an event for its URL alone, without the URL', async () => {
    const send = (authorization: string[]) =>
      exchangeOnce(
        vault,
        rawRequest(['GET /v1/tokens/%E0%A4%A HTTP/1.1', 'Host: localhost', ...authorization, 'Connection: close']),
      )
    for (const authorization of [[], [`Authorization: Bearer ${checkoutToken}`]]) {
      const answer = await send(authorization)
      expect(answer.status).toBe(400)
      const events = await vault.events({ request_id: answer.headers['request-id'] })
      expect(events).toEqual([expect.objectContaining({ code: 'malformed-url', source: '127.0.0.1' })])
      expect(JSON.stringify(events)).not.toMatch(/%E0|tokens/)
      expect(Boolean(events[0]!.caller)).toBe(authorization.length > 0)
    }
  })

  it('fills the log no more than strangers do', async () => {
    const config = { strangerLimits: { perSource: 3, inAll: 100 } }
    const strict = await TestVault.start({ sharedDatabase: vault.database, config, trustedProxies: ['127.0.0.1'] })
    const headers = { 'X-Forwarded-For': '203.0.113.9' }
    const from = { source: '203.0.113.9' }
    const statuses = []
    for (let times = 0; times < 5; times++) {
      statuses.push((await strict.call('GET', '/v1/nothing', { token: checkoutToken, headers })).status)
    }
    // Who has a good token never meets 429 for it.
    expect(statuses).toEqual([404, 404, 404, 404, 404])
    statuses.length = 0
    for (let times = 0; times < 2; times++) statuses.push((await strict.call('GET', '/%zz', { headers })).status)
    expect(statuses).toEqual([429, 429])
    expect(await vault.events(from)).toHaveLength(3)
    await strict.stop()
    const [summary] = (await vault.events({ code: 'too-many-requests' })).slice(-1)
    expect(summary).toMatchObject({ count: 4, sources: ['203.0.113.9'] })
  })
})

describe('what the vault fails at', () => {
  it('is an event: of a 500 before it is answered, of a 503 as soon as it can be', async () => {
    const database = openDatabase({ url: vault.database.serverUrl })
    const real = createRecordBatches(database)
    let failure: Error | undefined
    const release = (...wanted: Parameters<typeof real.release>) =>
      failure === undefined ? real.release(...wanted) : Promise.reject(failure)
    const overrides = { batches: { ...real, release } }
    const failing = await TestVault.start({ sharedDatabase: vault.database, overrides })
    const { token } = (await tokenize({ contact })).body.contact
    const read = async () => failing.call('GET', `/v1/tokens/${token}`, { token: await vault.staffToken('support') })
    failure = new TypeError('a mistake of ours')
    const failed = await read()
    expectProblem(failed, 500, 'internal')
    expect(await eventsOf(failed)).toEqual([
      expect.objectContaining({
        type: 'request.refuse',
        outcome: 'failed',
        code: 'internal',
        token,
        source: '127.0.0.1',
      }),
    ])
    failure = new Problem('busy')
    const busy = await read()
    expectProblem(busy, 503, 'busy')
    await vi.waitFor(
      async () => expect(await eventsOf(busy, { code: 'busy', outcome: 'failed' })).toHaveLength(1),
      20_000,
    )
    await failing.stop()
    await database.close()
  })

  it('is counted in the gap while the log cannot be written, and answered as it is', async () => {
    const gapped = await TestVault.start({ sharedDatabase: vault.database })
    const before = (await vault.events({ type: 'audit.gap' })).length
    await vault.database.sql('REVOKE INSERT ON audit_events FROM strongroom_runtime')
    const statuses = []
    try {
      for (let times = 0; times < 2; times++) {
        statuses.push((await gapped.call('GET', '/v1/nothing', { token: checkoutToken })).status)
        statuses.push((await gapped.call('GET', '/%zz')).status)
      }
    } finally {
      await vault.database.sql('GRANT INSERT ON audit_events TO strongroom_runtime')
    }
    expect(statuses).toEqual([404, 400, 404, 400])
    const gaps = async () => (await vault.events({ type: 'audit.gap' })).slice(before)
    const counted = async () => (await gaps()).reduce((sum, { count }) => sum + Number(count), 0)
    await vi.waitFor(async () => expect(await counted()).toBe(4), { timeout: 20_000, interval: 100 })
    await gapped.stop()
  })
})
