import { hostname } from 'node:os'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { roleOf } from '../../src/access/policy/role-summary.ts'
import { toOcsf } from '../../src/audit/delivery/ocsf-event.ts'
import { openDatabase } from '../../src/database/database.ts'
import { createRecordBatches } from '../../src/records/record-batches.ts'
import { Problem } from '../../src/values/problem.ts'
import { expectProblem } from '../support/problems.ts'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { card, contact } from '../support/samples.ts'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { TestVault } from '../support/test-vault.ts'
import { withoutIds } from '../support/without-ids.ts'

/** What events say of who acted and from where, also when nothing came of it. */

let vault: TestVault
/** Another server of the vault, behind a proxy that it trusts. */
let proxied: TestVault
let client: { id: string; secret: string }
let checkoutToken: string

beforeAll(async () => {
  vault = await TestVault.start()
  // The event of a minute must not be written between two of the requests that it counts.
  await vault.background.tasks.get('write-refusal-counts')!.stop()
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

  it.each<[string, (id: string) => Promise<{ headers: Record<string, string> }>]>([
    ['with Basic', (id) => logIn('grant_type=client_credentials', basic(id, 'guess'))],
    ['in the body', (id) => logIn(`grant_type=client_credentials&client_id=${id}&client_secret=x`)],
    ['for a grant that there is not', (id) => logIn('grant_type=password', basic(id, 'x'))],
    ['without a secret', (id) => logIn(`grant_type=client_credentials&client_id=${id}`)],
  ])('keeps no id that no client has: %s', async (_what, send) => {
    const nobody = `client_${'7'.repeat(26)}`
    const [event, ...others] = await eventsOf(await send(nobody))
    expect(others).toEqual([])
    expect(event).toMatchObject({ type: 'request.refuse', source: '127.0.0.1' })
    expect(JSON.stringify(event)).not.toContain(nobody)
  })

  it('names a client that was revoked', async () => {
    const gone = await vault.client(roleOf('checkout').scopes, { role: 'checkout' })
    await vault.commands.revokeClient({ id: 'operator:test', kind: 'operator' }, gone.id)
    const [event] = await eventsOf(await logIn('grant_type=client_credentials', basic(gone.id, gone.secret)))
    expect(event).toMatchObject({ reason: 'revoked', subject: gone.id })
  })

  it('is a failed logon in OCSF, of that client and from that address', async () => {
    const [event] = await eventsOf(await logIn('grant_type=client_credentials', basic(client.id, 'guess')))
    expect(toOcsf(JSON.stringify(event), 1, '0')).toMatchObject({
      class_uid: 3002,
      activity_id: 1,
      status: 'Failure',
      status_code: 'invalid-client',
      user: { uid: client.id },
      src_endpoint: { ip: '127.0.0.1' },
    })
  })

  it('is found by the daily review with both', async () => {
    const before = new Date(Date.now() - 60_000)
    // More than twenty in one hour of the clock, also if the next one begins meanwhile.
    for (let times = 0; times < 41; times++) {
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
    const findings = await vault.commands.reviewLog(operator, { since: before, timeZone: 'UTC' })
    const found = findings.find(({ rule, detail }) => rule === 'many-refusals' && detail.includes('/oauth/token'))
    expect(found?.sources).toContain('198.51.100.7')
    expect(found?.claimed).toContain(client.id)
    expect(found?.detail).toMatch(new RegExp(`198\\.51\\.100\\.7.* as .*${client.id}`))
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

  it('is counted in the event of the minute where no parser could read it', async () => {
    const seen = (await vault.events({ code: 'malformed-request' })).length
    for (const line of ['GET / HTTP/1.1\r\nHost : x', 'NOT HTTP AT ALL', 'GET /4242424242424242 HTTP/9.9']) {
      expect((await exchangeOnce(vault, `${line}\r\n\r\n`)).status).toBe(400)
    }
    await vault.background.tasks.get('write-refusal-counts')!.run()
    const [event, ...others] = (await vault.events({ code: 'malformed-request' })).slice(seen)
    expect(others).toEqual([])
    expect(event).toMatchObject({ type: 'request.refuse', outcome: 'refused', count: 3, sources: ['127.0.0.1'] })
    expect(withoutIds(JSON.stringify(event))).not.toMatch(/NOT|4242/)
    expect(vault.logLines.join('')).not.toContain('"refusals-flooded"')
  })

  it('fills the log no more than unknown callers do', async () => {
    const config = { limits: { strangers: { perSource: 3, inAll: 100 } } }
    const strict = await TestVault.start({ sharedDatabase: vault.database, config, trustedProxies: ['127.0.0.1'] })
    const headers = { 'X-Forwarded-For': '203.0.113.9' }
    const from = { source: '203.0.113.9' }
    const statuses = []
    for (let times = 0; times < 5; times++) {
      statuses.push((await strict.call('GET', '/v1/nothing', { token: checkoutToken, headers })).status)
    }
    // A caller with a good token never gets 429 for it.
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
    await stopSchemaWatch(gapped)
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
