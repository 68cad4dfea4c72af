import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CheckoutShop, SHOP } from '../support/checkout-shop.ts'
import { type CodeServer, startCodeServer } from '../support/code-server.ts'
import { expectProblem } from '../support/problems.ts'
import { card, cards, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const parts = ['card', 'security_code']
const site = { site: 'default' }

let vault: TestVault
let shop: CheckoutShop
/** Another server of the same vault: it opens what this one keeps. */
let server: CodeServer

beforeAll(async () => {
  vault = await TestVault.start()
  server = await startCodeServer(vault)
})
beforeEach(async () => {
  shop = await CheckoutShop.open(vault)
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await server.stop()
  await vault.stop()
})

const open: CheckoutShop['session'] = (body) => shop.session(body)
const submit: CheckoutShop['submit'] = (...sent) => shop.submit(...sent)
const stateOf: CheckoutShop['stateOf'] = (...asked) => shop.stateOf(...asked)
const typesOf = async (subject: string) => (await vault.events({ subject })).map(({ type }) => type)

describe('a security code in a session', () => {
  it('is kept for the card that it came with, on the site of the session', async () => {
    const session = await open({ parts })
    const answer = await submit(session, { card, security_code: '739' })
    expect(answer.status, answer.text).toBe(201)
    expect(Object.keys(answer.body).sort()).toEqual(['card', 'consents_given', 'security_code'])
    const { card: stored, security_code: kept } = answer.body
    expect(kept.security_code).toMatch(/^cvc_/)
    expect((await server.open(site, kept.security_code, stored.token)).code.expose()).toBe('739')
    expect((await stateOf(session.id)).body.tokens).toEqual({ card: stored, security_code: kept })
    expect(await typesOf(kept.security_code)).toEqual(['security-code.keep'])
  })

  it('is kept once when the checkout is sent again, also with another code', async () => {
    const session = await open({ parts })
    const first = await submit(session, { card, security_code: '739' })
    const again = await submit(session, { card, security_code: '739' })
    const other = await submit(session, { card, security_code: '111' })
    for (const answer of [again, other]) {
      expect(answer.status, answer.text).toBe(201)
      expect(answer.body).toEqual(first.body)
    }
    expect(await typesOf(first.body.security_code.security_code)).toEqual(['security-code.keep'])
  })

  it('does not come back when it was used', async () => {
    const session = await open({ parts })
    const { card: stored, security_code: kept } = (await submit(session, { card, security_code: '739' })).body
    expect(await server.use(await server.open(site, kept.security_code, stored.token))).toBe(true)
    expect((await submit(session, { card, security_code: '739' })).status).toBe(201)
    await expect(server.open(site, kept.security_code, stored.token)).rejects.toMatchObject({
      code: 'security-code-not-found',
    })
  })

  it('need not come', async () => {
    const answer = await submit(await open({ parts }), { card })
    expect(Object.keys(answer.body).sort()).toEqual(['card', 'consents_given'])
  })

  it.each<[string, object, string]>([
    ['that is too short', { card, security_code: '73' }, 'is not in the expected form'],
    ['of too many digits for its card', { card, security_code: '7391' }, 'expected 3 digits'],
    [
      'of too few digits for its card',
      { card: { ...card, number: cards.amex }, security_code: '739' },
      'expected 4 digits',
    ],
    ['that is a number', { card, security_code: 739 }, 'expected a string'],
    ['without a card', { contact, security_code: '739' }, 'remove it: there is no card'],
  ])('is refused %s, and nothing is stored', async (_name, body, detail) => {
    const before = await vault.count('records')
    const session = await open({ parts: [...parts, 'contact'] })
    const answer = await submit(session, body)
    expectProblem(answer, 422, 'invalid-input')
    expect(answer.body.errors).toEqual([{ pointer: '#/security_code', detail }])
    expect(await vault.count('records')).toBe(before)
  })

  it('is refused where the session does not ask for it, and in a call of the shop itself', async () => {
    const body = { card, security_code: '739' }
    expectProblem(await submit(await open(), body), 422, 'sensitive-authentication-data')
    const direct = await vault.call('POST', '/v1/tokenize', { token: shop.token, body })
    expectProblem(direct, 422, 'sensitive-authentication-data')
  })

  it('cannot be asked for without the card', async () => {
    expectProblem(await shop.ask({ origins: [SHOP], parts: ['contact', 'security_code'] }), 422, 'invalid-input')
  })

  it('is in no hash of the request: that is the same for every code', async () => {
    const now = (await vault.database.sql<{ now: string }>('SELECT clock_timestamp()::text AS now'))[0]!.now
    await submit(await open({ parts }), { card })
    for (const security_code of ['739', '111']) await submit(await open({ parts }), { card, security_code })
    const [kept] = await vault.database.sql(
      `SELECT count(*)::integer AS keys, count(DISTINCT request_hash)::integer AS hashes FROM idempotency_keys WHERE created_at > $1`,
      [now],
    )
    expect(kept).toEqual({ keys: 3, hashes: 1 })
  })
})
