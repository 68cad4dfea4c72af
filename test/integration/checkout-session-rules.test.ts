import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { MAX_ATTEMPTS } from '../../src/access/limits/session-limit.ts'
import { CheckoutShop, SHOP } from '../support/checkout-shop.ts'
import { card, cards, contact } from '../support/samples.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const MINUTE = 60_000

let vault: TestVault
let shop: CheckoutShop

beforeAll(async () => {
  vault = await TestVault.start()
})
beforeEach(async () => {
  shop = await CheckoutShop.open(vault)
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

const open: CheckoutShop['session'] = (body) => shop.session(body)
const submit: CheckoutShop['submit'] = (...sent) => shop.submit(...sent)
const stateOf: CheckoutShop['stateOf'] = (...asked) => shop.stateOf(...asked)

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
    const late = await submit(session, { card })
    expect([late.status, late.body.code]).toEqual([410, 'session-expired'])
    vault.clockOffsetMs = 10 * MINUTE
    expect((await submit(session, { card })).status).toBe(401)
  })

  it('dies with its client', async () => {
    const session = await open()
    await vault.commands.revokeClient(OPERATOR, shop.clientId)
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
    ['a return without an origin', { origins: [SHOP], return_url: '/thanks' }],
    ['a return to nowhere', { origins: [SHOP], return_url: 'thanks' }],
    ['a return to a script', { origins: [SHOP], return_url: 'javascript:alert(1)' }],
    ['no part', { origins: [SHOP], parts: [] }],
    ['an unknown part', { origins: [SHOP], parts: ['passport'] }],
    ['a long time', { origins: [SHOP], minutes: 241 }],
    ['no time', { origins: [SHOP], minutes: 0 }],
    ['a language that is none', { origins: [SHOP], locale: '"><script>' }],
  ])('must be in order: %s', async (_name, body) => {
    const answer = await shop.ask(body)
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid-input'])
  })

  it('takes null, and nothing typed, for a member that is left out', async () => {
    const names = ['customer', 'policy_version', 'consents', 'parts', 'return_url', 'locale', 'minutes']
    const nothing = Object.fromEntries(names.map((name) => [name, null]))
    const blank = { customer: '', policy_version: ' ', return_url: '', locale: '' }
    for (const body of [nothing, blank]) {
      const session = await open(body)
      expect((await submit(session, { card })).body.card).not.toHaveProperty('policy_version')
    }
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
    const answer = await shop.ask(body, production)
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
    const real = await TestVault.start({
      sharedDatabase: vault.database,
      config: { checkout: { takesRealCards: true } },
    })
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

describe('limits', () => {
  it('of one client for sessions in a minute', async () => {
    const strict = await TestVault.start({
      sharedDatabase: vault.database,
      config: { limits: { checkoutSessionsPerClient: 3 } },
    })
    const call = () => shop.ask({ origins: [SHOP] }, strict)
    const answers = [await call(), await call(), await call(), await call()]
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 429])
    expect(Number(answers[3]!.headers['retry-after'])).toBeGreaterThan(0)
    await strict.stop()
  })

  it('the sale is not in the way of another: fifty sessions at once', async () => {
    const sessions = await Promise.all(Array.from({ length: 50 }, () => open()))
    const answers = await Promise.all(
      sessions.map((session, at) => submit(session, { card: { ...card, number: Object.values(cards)[at % 3]! } })),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  })
})
