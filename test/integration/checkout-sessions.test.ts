import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { IN_CHECKOUT_SESSION } from '../../src/access/policy/grant.ts'
import { MAX_ATTEMPTS } from '../../src/access/limits/session-limit.ts'
import { billingAddress, card, cards, contact } from '../support/samples.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const MINUTE = 60_000
const SHOP = 'https://shop.example'

let vault: TestVault
let client: { id: string; secret: string }
let shop: string

beforeAll(async () => {
  vault = await TestVault.start()
})
beforeEach(async () => {
  client = await vault.client(['tokenize'], { role: 'checkout' })
  shop = (await vault.requestToken(client.id, client.secret)).body.access_token
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

interface Opened {
  id: string
  token: string
  url: string
  expires_at: string
}

const openWith = (body: object, token = shop) => vault.call('POST', '/v1/checkout-sessions', { token, body })
const open = async (body: object = {}): Promise<Opened> => {
  const answer = await openWith({ origins: [SHOP], ...body })
  expect(answer.status, answer.text).toBe(201)
  return answer.body
}
const submit = (session: Opened, body: unknown, headers: Record<string, string> = { origin: SHOP }) =>
  vault.call('POST', '/v1/tokenize', { token: session.token, body, headers })
const stateOf = (id: string, token = shop) => vault.call('GET', `/v1/checkout-sessions/${id}`, { token })
const eventsOf = (id: string) =>
  vault.database.sql<{ body: string }>(`SELECT body FROM audit_events WHERE body LIKE '%' || $1 || '%' ORDER BY id`, [id])
const typesOf = async (id: string) => (await eventsOf(id)).map(({ body }) => JSON.parse(body).type)
const run = () => vault.background.tasks.get('end-checkout-sessions')!.run()

describe('a session', () => {
  it('is opened with an unguessable id, a token, the URL of its page and its end', async () => {
    const session = await open({ minutes: 20 })
    expect(session.id).toMatch(/^cs_[0-9a-hjkmnp-tv-z]{26}$/)
    expect(session.url).toBe(`${ISSUER}/checkout/${session.id}`)
    expect(session.url).not.toContain(session.token)
    const minutes = (Date.parse(session.expires_at) - Date.now()) / MINUTE
    expect(minutes).toBeGreaterThan(19)
    expect(minutes).toBeLessThanOrEqual(20)
    expect(await typesOf(session.id)).toEqual(['session.open'])
  })

  it('stores one checkout of the customer of the session, and then says which tokens it has', async () => {
    const session = await open({
      customer: 'cus_of_session',
      policy_version: '2026-11-01',
      consents: ['store-card', 'newsletter'],
      parts: ['card', 'billing_address', 'contact'],
    })
    expect((await stateOf(session.id)).body).toEqual({
      id: session.id,
      state: 'open',
      tokens: {},
      consents_given: [],
      expires_at: session.expires_at,
    })

    const answer = await submit(session, { card, billing_address: billingAddress, contact, consents: ['store-card'] })
    expect(answer.status, answer.text).toBe(201)
    const { consents_given, ...tokens } = answer.body
    expect(Object.keys(tokens).sort()).toEqual(['billing_address', 'card', 'contact'])
    expect(tokens.card).toMatchObject({ kind: 'card', brand: 'visa', last4: card.number.slice(-4) })
    expect(consents_given).toEqual(['store-card'])

    const state = await stateOf(session.id)
    expect(state.body).toEqual({
      id: session.id,
      state: 'completed',
      tokens,
      consents_given: ['store-card'],
      expires_at: session.expires_at,
    })
    const support = await vault.staffToken('support')
    const read = await vault.call('GET', `/v1/tokens/${tokens.card.token}`, { token: support })
    expect(read.body).toMatchObject({ customer: 'cus_of_session', policy_version: '2026-11-01', consents: ['store-card'] })
    // The last one is the look at the state, which shows masked views again.
    expect(await typesOf(session.id)).toEqual(['session.open', 'session.complete'])
    expect(await typesOf(tokens.card.token)).toEqual(
      expect.arrayContaining(['record.tokenize', 'session.complete', 'request.replay']),
    )
  })

  it('has the area of the shopper in its events, and the address of the shop', async () => {
    const session = await open()
    await submit(session, { card })
    const sources = (await eventsOf(session.id)).map(({ body }) => JSON.parse(body).caller?.source ?? JSON.parse(body).source)
    expect(sources).toEqual(['127.0.0.1', '127.0.0.0/24'])
  })

  it('stores nothing of what the shop said in the clear', async () => {
    await open({ customer: 'cus_clear_text', return_url: `${SHOP}/return?order=clear_text` })
    const rows = await vault.database.sql<{ row: string }>('SELECT s::text AS row FROM checkout_sessions s')
    for (const { row } of rows) {
      for (const text of ['clear_text', 'shop.example', client.id]) {
        expect(row).not.toContain(text)
        expect(row).not.toContain(Buffer.from(text).toString('hex'))
      }
    }
  })
})

describe('a checkout that is sent again', () => {
  it('gets the same tokens: a double click, a retry, a second tab', async () => {
    const session = await open()
    const answers = await Promise.all(Array.from({ length: 5 }, () => submit(session, { card })))
    const stored = answers.filter(({ status }) => status === 201)
    // What comes while the first is under way is told to come again.
    expect(answers.every(({ status, body }) => status === 201 || body.code === 'request-in-flight')).toBe(true)
    expect(new Set(stored.map(({ body }) => body.card.token)).size).toBe(1)
    const again = await submit(session, { card })
    expect(again.body).toEqual(stored[0]!.body)
    expect(again.headers['idempotent-replayed']).toBe('true')
    const [{ count }] = await vault.database.sql<{ count: number }>(
      "SELECT count(*)::integer AS count FROM audit_events WHERE body LIKE '%session.complete%' AND body LIKE '%' || $1 || '%'",
      [session.id],
    ) as [{ count: number }]
    expect(count).toBe(1)
  })

  it('is refused when it is another one', async () => {
    const session = await open()
    const first = await submit(session, { card })
    const second = await submit(session, { card: { ...card, exp_year: card.exp_year + 1 } })
    expect([second.status, second.body.code]).toEqual([409, 'session-used'])
    expect((await stateOf(session.id)).body.tokens.card.token).toBe(first.body.card.token)
  })

  it('of two at once with different cards one is stored', async () => {
    const session = await open()
    const answers = await Promise.all([submit(session, { card }), submit(session, { card: { ...card, exp_year: 2034 } })])
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
    expect((await stateOf(session.id)).body.state).toBe('completed')
  })

  it('does not share its key with the Idempotency-Key of the client', async () => {
    const session = await open()
    const own = await vault.call('POST', '/v1/tokenize', {
      token: shop,
      body: { card },
      headers: { 'Idempotency-Key': 'checkout' },
    })
    expect(own.status).toBe(201)
    expect((await stateOf(session.id)).body.state).toBe('open')
    const answer = await submit(session, { card }, { origin: SHOP, 'Idempotency-Key': 'another' })
    expect(answer.status).toBe(201)
    expect(answer.body.card.token).not.toBe(own.body.card.token)
  })
})

describe('the token of a session', () => {
  it('opens nothing else', async () => {
    const session = await open()
    const tokens = (await submit(session, { card })).body
    const calls = [
      ['POST', '/v1/tokenize/batch', { items: [{ card }] }],
      ['POST', '/v1/checkout-sessions', { origins: [SHOP] }],
      ['GET', `/v1/checkout-sessions/${session.id}`, undefined],
      ['GET', `/v1/tokens/${tokens.card.token}`, undefined],
      ['POST', `/v1/tokens/${tokens.card.token}/reveal`, { purpose: 'process-payment' }],
      ['DELETE', `/v1/tokens/${tokens.card.token}`, undefined],
      ['POST', '/v1/search', { by: 'customer', value: 'cus_1' }],
      ['GET', '/v1/audit/events', undefined],
    ] as const
    for (const [method, path, body] of calls) {
      const answer = await vault.call(method, path, { token: session.token, body, headers: { origin: SHOP } })
      expect([path, answer.status, answer.body.code]).toEqual([path, 403, 'scope-missing'])
    }
  })

  it('is no scope that a client could be given', async () => {
    await expect(vault.client([IN_CHECKOUT_SESSION as never])).rejects.toThrow()
  })

  it.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['a subdomain', { origin: 'https://a.shop.example' }],
    ['another port', { origin: 'https://shop.example:8443' }],
    ['http', { origin: 'http://shop.example' }],
    ['a suffix', { origin: 'https://shop.example.evil.example' }],
    ['an opaque origin', { origin: 'null' }],
    ['no origin', {}],
  ])('is refused from %s, and no attempt is counted', async (_name, headers) => {
    const session = await open()
    for (let at = 0; at <= MAX_ATTEMPTS; at++) {
      const answer = await submit(session, { card }, headers as Record<string, string>)
      expect([answer.status, answer.body.code]).toEqual([403, 'origin-not-allowed'])
    }
    expect((await submit(session, { card })).status).toBe(201)
  })

  it("is taken from the vault's own pages", async () => {
    const session = await open()
    expect((await submit(session, { card }, { origin: ISSUER })).status).toBe(201)
  })

  it('dies with its session', async () => {
    const session = await open({ minutes: 1 })
    vault.clockOffsetMs = 61_000
    expect((await submit(session, { card })).status).toBe(401)
  })

  it('dies with its client', async () => {
    const session = await open()
    await vault.commands.revokeClient(OPERATOR, client.id)
    expect((await submit(session, { card })).status).toBe(401)
  })

  it('is of one session', async () => {
    const [one, two] = [await open(), await open()]
    await submit(one, { card })
    expect((await stateOf(two.id)).body.state).toBe('open')
  })
})

describe('attempts', () => {
  it('are ten, good or bad, counted before the body is looked at', async () => {
    const session = await open()
    for (let at = 0; at < MAX_ATTEMPTS; at++) {
      const answer = await submit(session, { card: { ...card, number: '4242424242424241' } })
      expect([answer.status, answer.body.code]).toEqual([422, 'invalid-card-number'])
    }
    for (const body of [{ card }, { card: {} }, {}]) {
      const answer = await submit(session, body)
      expect([answer.status, answer.body.code]).toEqual([403, 'attempts-spent'])
    }
    expect((await stateOf(session.id)).body.state).toBe('open')
  })
})

describe('what the session decides', () => {
  it.each([
    ['a customer', { card, customer: 'cus_other' }, '#/customer'],
    ['a policy version', { card, policy_version: '2020-01-01' }, '#/policy_version'],
    ['a consent that was not asked for', { card, consents: ['store-card', 'marketing'] }, '#/consents/1'],
    ['a part that was not asked for', { card, contact }, '#/contact'],
  ])('the page cannot change: %s', async (_name, body, pointer) => {
    const session = await open({ consents: ['store-card'] })
    const answer = await submit(session, body)
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid-input'])
    expect(answer.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([pointer])
    expect((await stateOf(session.id)).body.state).toBe('open')
  })

  it.each([
    ['a path', { origins: ['https://shop.example/checkout'] }],
    ['a slash', { origins: ['https://shop.example/'] }],
    ['the default port', { origins: ['https://shop.example:443'] }],
    ['capital letters', { origins: ['https://Shop.example'] }],
    ['a wildcard', { origins: ['https://*.shop.example'] }],
    ['a star', { origins: ['*'] }],
    ['null', { origins: ['null'] }],
    ['a user name', { origins: ['https://user@shop.example'] }],
    ['http', { origins: ['http://shop.example'] }],
    ['http on a name like localhost', { origins: ['http://localhost.evil.example'] }],
    ['another scheme', { origins: ['ftp://shop.example'] }],
    ['no origin', { origins: [] }],
    ['eleven origins', { origins: Array.from({ length: 11 }, (_, at) => `https://shop${at}.example`) }],
    ['a return to another origin', { origins: [SHOP], return_url: 'https://evil.example/' }],
    ['a return with a password', { origins: [SHOP], return_url: 'https://a:b@shop.example/' }],
    ['a return by http', { origins: [SHOP], return_url: 'http://shop.example/' }],
    ['a return to a script', { origins: [SHOP], return_url: 'javascript:alert(1)' }],
    ['no part', { origins: [SHOP], parts: [] }],
    ['an unknown part', { origins: [SHOP], parts: ['passport'] }],
    ['a long time', { origins: [SHOP], minutes: 241 }],
    ['no time', { origins: [SHOP], minutes: 0 }],
    ['a language that is none', { origins: [SHOP], locale: '"><script>' }],
  ])('must be in order: %s', async (_name, body) => {
    const answer = await openWith(body)
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid-input'])
  })

  it.each(['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000', 'https://xn--bcher-kva.example'])(
    'may be the origin %s',
    async (origin) => {
      const session = await open({ origins: [origin], return_url: `${origin}/thanks` })
      expect((await submit(session, { card }, { origin })).status).toBe(201)
    },
  )

  it('is https alone in production', async () => {
    const production = await TestVault.start({ sharedDatabase: vault.database, config: { production: true } })
    const body = { origins: ['http://localhost:3000'] }
    const answer = await production.call('POST', '/v1/checkout-sessions', { token: shop, body })
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid-input'])
    await production.stop()
  })
})

describe('a card', () => {
  it('is a published test card, outside production', async () => {
    const session = await open()
    const answer = await submit(session, { card: { ...card, number: '4532015112830366' } })
    expect([answer.status, answer.body.code]).toEqual([422, 'test-card-required'])
    expect((await submit(session, { card })).status).toBe(201)
  })

  it('is any card in production, and where the operator says so', async () => {
    const real = await TestVault.start({ sharedDatabase: vault.database, config: { checkout: { takesRealCards: true } } })
    const session = await open()
    const answer = await real.call('POST', '/v1/tokenize', {
      token: session.token,
      body: { card: { ...card, number: '4532015112830366' } },
      headers: { origin: SHOP },
    })
    expect(answer.status).toBe(201)
    await real.stop()
  })
})

describe('the state', () => {
  it('is of the client that opened it, and of nothing else', async () => {
    const session = await open()
    const other = await vault.clientToken(['tokenize'], { role: 'checkout' })
    const abroad = await vault.clientToken(['tokenize'], { role: 'checkout', site: 'abroad' })
    const unknown = `cs_${'0'.repeat(26)}`
    const answers = [
      await stateOf(session.id, other),
      await stateOf(session.id, abroad),
      await stateOf(unknown),
      await stateOf('x'),
    ]
    for (const { status, body } of answers) expect([status, body.code]).toEqual([404, 'session-not-found'])
  })

  it('names no token of what was erased', async () => {
    const session = await open()
    const { token } = (await submit(session, { card })).body.card
    await vault.call('DELETE', `/v1/tokens/${token}`, { token: await vault.staffToken('privacy-officer') })
    expect((await stateOf(session.id)).body).toMatchObject({ state: 'completed', tokens: {} })
  })

  it('is expired, with an event, when its time is over; a completed one stays completed', async () => {
    const [left, done] = [await open({ minutes: 5 }), await open({ minutes: 5 })]
    await submit(done, { card })
    vault.clockOffsetMs = 6 * MINUTE
    shop = (await vault.requestToken(client.id, client.secret)).body.access_token
    expect((await stateOf(left.id)).body.state).toBe('expired')
    expect((await stateOf(done.id)).body.state).toBe('completed')
    await run()
    await run()
    expect(await typesOf(left.id)).toEqual(['session.open', 'session.expire'])
    expect(await typesOf(done.id)).toEqual(['session.open', 'session.complete'])
    vault.clockOffsetMs = 25 * 60 * MINUTE
    await run()
    shop = (await vault.requestToken(client.id, client.secret)).body.access_token
    expect((await stateOf(left.id)).status).toBe(404)
  })
})

describe('a row that was changed outside the vault', () => {
  it('opens nothing: its time extended, its facts those of another session', async () => {
    const [one, two] = [await open(), await open({ origins: ['https://evil.example'] })]
    await vault.database.sql("UPDATE checkout_sessions SET expires_at = expires_at + interval '1 day' WHERE id = $1", [one.id])
    expect((await submit(one, { card })).body.code).toBe('record-integrity')
    await vault.database.sql(
      `UPDATE checkout_sessions s SET facts_sealed = o.facts_sealed, expires_at = o.expires_at
       FROM checkout_sessions o WHERE s.id = $1 AND o.id = $2`,
      [one.id, two.id],
    )
    expect((await submit(one, { card }, { origin: 'https://evil.example' })).body.code).toBe('record-integrity')
    await vault.database.sql('DELETE FROM checkout_sessions WHERE id = $1', [one.id])
    expect((await submit(one, { card })).body.code).toBe('session-not-found')
  })
})

describe('limits', () => {
  it('of one client for sessions in a minute', async () => {
    const strict = await TestVault.start({
      sharedDatabase: vault.database,
      config: { limits: { checkoutSessionsPerClient: 3 } },
    })
    const call = () => strict.call('POST', '/v1/checkout-sessions', { token: shop, body: { origins: [SHOP] } })
    const answers = [await call(), await call(), await call(), await call()]
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 429])
    expect(Number(answers[3]!.headers['retry-after'])).toBeGreaterThan(0)
    await strict.stop()
  })

  it('the sale is not in the way of another: fifty sessions at once', async () => {
    const sessions = await Promise.all(Array.from({ length: 50 }, () => open()))
    const answers = await Promise.all(sessions.map((session, at) => submit(session, { card: { ...card, number: Object.values(cards)[at % 3]! } })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  })
})
