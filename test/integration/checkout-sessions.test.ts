import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CheckoutShop, SHOP } from '../support/checkout-shop.ts'
import { billingAddress, card, contact } from '../support/samples.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

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
const eventsOf = (id: string) =>
  vault.database.sql<{ body: string }>(`SELECT body FROM audit_events WHERE body LIKE '%' || $1 || '%' ORDER BY id`, [
    id,
  ])
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
    const [record] = await vault.database.sql(
      'SELECT policy_version, consents FROM readable.records WHERE token = $1',
      [tokens.card.token],
    )
    const support = await vault.staffToken('support')
    const read = await vault.call('GET', `/v1/tokens/${tokens.card.token}`, { token: support })
    expect({ ...read.body, ...record }).toMatchObject({
      customer: 'cus_of_session',
      policy_version: '2026-11-01',
      consents: ['store-card'],
    })
    // The last one is the look at the state, which shows masked views again.
    expect(await typesOf(session.id)).toEqual(['session.open', 'session.complete'])
    expect(await typesOf(tokens.card.token)).toEqual(
      expect.arrayContaining(['record.tokenize', 'session.complete', 'request.replay']),
    )
  })

  it('has the area of the shopper in its events, and the address of the shop', async () => {
    const session = await open()
    await submit(session, { card })
    const sources = (await eventsOf(session.id)).map(
      ({ body }) => JSON.parse(body).caller?.source ?? JSON.parse(body).source,
    )
    expect(sources).toEqual(['127.0.0.1', '127.0.0.0/24'])
  })

  it('stores nothing of what the shop said in the clear', async () => {
    await open({ customer: 'cus_clear_text', return_url: `${SHOP}/return?order=clear_text` })
    const rows = await vault.database.sql<{ row: string }>('SELECT s::text AS row FROM checkout_sessions s')
    for (const { row } of rows) {
      for (const text of ['clear_text', 'shop.example', shop.clientId]) {
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
    // What comes while the first is under way has to come again.
    expect(answers.every(({ status, body }) => status === 201 || body.code === 'request-in-flight')).toBe(true)
    expect(new Set(stored.map(({ body }) => body.card.token)).size).toBe(1)
    const again = await submit(session, { card })
    expect(again.body).toEqual(stored[0]!.body)
    expect(again.headers['idempotent-replayed']).toBe('true')
    const [{ count }] = (await vault.database.sql<{ count: number }>(
      "SELECT count(*)::integer AS count FROM audit_events WHERE body LIKE '%session.complete%' AND body LIKE '%' || $1 || '%'",
      [session.id],
    )) as [{ count: number }]
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
    const answers = await Promise.all([
      submit(session, { card }),
      submit(session, { card: { ...card, exp_year: 2034 } }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
    expect((await stateOf(session.id)).body.state).toBe('completed')
  })

  it('does not share its key with the Idempotency-Key of the client', async () => {
    const session = await open()
    const own = await vault.call('POST', '/v1/tokenize', {
      token: shop.token,
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
    await shop.renewToken()
    expect((await stateOf(left.id)).body.state).toBe('expired')
    expect((await stateOf(done.id)).body.state).toBe('completed')
    await run()
    await run()
    expect(await typesOf(left.id)).toEqual(['session.open', 'session.expire'])
    expect(await typesOf(done.id)).toEqual(['session.open', 'session.complete'])
    vault.clockOffsetMs = 24 * 60 * MINUTE + 4 * MINUTE
    await shop.renewToken()
    expect((await stateOf(done.id)).body).toMatchObject({ state: 'completed', tokens: { card: { last4: '4242' } } })
    expect((await stateOf(left.id)).body.state).toBe('expired')
    vault.clockOffsetMs = 24 * 60 * MINUTE + 6 * MINUTE
    expect((await stateOf(done.id)).status).toBe(404)
    vault.clockOffsetMs = 25 * 60 * MINUTE
    await run()
    await shop.renewToken()
    expect((await stateOf(left.id)).status).toBe(404)
  })
})

describe('a row that was changed outside the vault', () => {
  it('opens nothing: its time extended, its facts those of another session', async () => {
    const [one, two] = [await open(), await open({ origins: ['https://evil.example'] })]
    await vault.database.sql("UPDATE checkout_sessions SET expires_at = expires_at + interval '1 day' WHERE id = $1", [
      one.id,
    ])
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
