import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Purpose, purposes } from '../../src/access/policy/purpose.ts'
import { builtInRoles } from '../../src/access/policy/roles.ts'
import { callBound, requestBoundToken } from '../support/bound-caller.ts'
import { createCallerKey } from '../support/caller-keys.ts'
import { Forwarding } from '../support/forwarding.ts'
import { toNextHour, withMovedClock } from '../support/moved-clock.ts'
import { expectProblem, pointersOf, withoutRequestId } from '../support/problems.ts'
import { roleFile } from '../support/role-files.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const UNKNOWN = `card_${'0'.repeat(26)}`

let shop: Forwarding
let parts: Record<string, Record<string, string>>
let card: string

beforeAll(async () => {
  shop = await Forwarding.start()
  parts = await shop.vault.tokenize(checkout)
  card = parts.card!.token!
})
beforeEach(() => shop.reset())
afterEach(async () => {
  expect(shop.processor.received).toEqual([])
  await shop.vault.checkInvariants()
})
afterAll(() => shop.stop())

describe('403 comes before everything that depends on the destination or the record', () => {
  it('scope', async () => {
    const token = await shop.vault.staffToken('support')
    for (const destination of ['acquirer', 'nowhere'])
      expectProblem(await shop.send({ card }, { token, destination }), 403, 'scope-missing')
  })

  it('role and purpose: each of both, as the roles say', async () => {
    await shop.destine({
      partner: await shop.addPartner({ purposes: [...purposes] }),
      purposes: [...purposes] as unknown as [Purpose, ...Purpose[]],
    })
    for (const [role, { scopes, grants }] of Object.entries(builtInRoles)) {
      const token = await shop.vault.staffToken(role)
      for (const purpose of purposes) {
        const answer = await shop.send({ card: UNKNOWN }, { token, purpose })
        const forwards = grants.some((grant) => grant.view === 'forward' && grant.purposes.includes(purpose))
        const code = scopes.includes('card:forward') ? 'purpose-not-permitted' : 'scope-missing'
        const expected = forwards ? [404, 'record-not-found'] : [403, code]
        expect([answer.status, answer.body.code], `${role} ${purpose}`).toEqual(expected)
      }
    }
  })

  it('role and purpose: who forwards nothing for it does not learn which destinations there are', async () => {
    for (const destination of ['acquirer', 'nowhere'])
      for (const tokens of [{ card }, { card: UNKNOWN }, { card: 'nonsense' }]) {
        const refused = await shop.send(tokens, { destination, purpose: 'marketing' })
        expectProblem(refused, 403, 'purpose-not-permitted')
      }
  })

  it('the refusal is an event with the purpose', async () => {
    const refused = await shop.send({ card }, { purpose: 'marketing' })
    const events = await shop.vault.events({ request_id: refused.headers['request-id'] })
    expect(events).toMatchObject([
      { type: 'request.refuse', code: 'purpose-not-permitted', route: '/v1/forward', purpose: 'marketing' },
    ])
  })

  it('the purposes of the destination', async () => {
    const partner = await shop.addPartner({ purposes: ['process-payment', 'provide-goods'] })
    await shop.destine({ partner, purposes: ['provide-goods'] })
    expectProblem(await shop.send({ card: UNKNOWN }), 403, 'purpose-not-permitted')
  })

  it('the contract, which has ended since the destination was applied', async () => {
    const partner = await shop.addPartner()
    await shop.destine({ partner })
    await shop.vault.commands.endPartner(OPERATOR, partner)
    expectProblem(await shop.send({ card: UNKNOWN }), 403, 'contract-ended')
  })

  it('a contract that was changed outside the vault', async () => {
    const partner = await shop.addPartner()
    await shop.destine({ partner })
    await shop.vault.database.sql(
      `UPDATE partners SET country = 'MY', purposes = '{process-payment,marketing}' WHERE id = $1`,
      [partner],
    )
    expectProblem(await shop.send({ card: UNKNOWN }), 403, 'contract-ended')
  })

  it('a denial of a field that the destination takes along', async () => {
    const vault = shop.vault
    const payments = roleFile({}).roles.payments!
    const denials = [{ kind: 'contact', fields: ['email'] }] as const
    await vault.commands.applyRoles(OPERATOR, roleFile({ careful: { ...payments, denials } }))
    const token = await vault.staffToken('careful')
    expectProblem(await shop.send({ card }, { token }), 403, 'fields-not-permitted')
  })
})

describe('404', () => {
  it('is that of an unknown destination', async () => {
    expectProblem(await shop.send({ card }, { destination: 'nowhere' }), 404, 'destination-not-found')
  })

  it('is one identical answer for unknown, malformed and foreign tokens and those of another kind', async () => {
    const foreign = (await shop.vault.tokenize(checkout, { site: 'partner' })).card!.token!
    const expected = await shop.send({ card: UNKNOWN })
    expectProblem(expected, 404, 'record-not-found')
    for (const token of [foreign, 'nonsense', 'card_', parts.contact!.token!, card.replace('card_', 'cont_')]) {
      const refused = await shop.send({ card: token })
      expect(withoutRequestId(refused)).toBe(withoutRequestId(expected))
    }
    expectProblem(await shop.send({ card, contact: card }), 404, 'record-not-found')
  })
})

it('410 is that of an erased record, also for a repetition', async () => {
  const other = await shop.newCard()
  const first = await shop.send({ card: other }, { key: 'erased-later' })
  expect(first.status, first.text).toBe(200)
  shop.processor.received.length = 0
  const officer = await shop.vault.staffToken('privacy-officer')
  await shop.vault.call('DELETE', `/v1/tokens/${other}`, { token: officer })
  expectProblem(await shop.send({ card: other }), 410, 'record-gone')
  expectProblem(await shop.send({ card: other }, { key: 'erased-later' }), 410, 'record-gone')
})

describe('422', () => {
  it('without an Idempotency-Key, or with a bad one', async () => {
    expectProblem(await shop.send({ card }, { key: '' }), 422, 'invalid-idempotency-key')
    expectProblem(await shop.send({ card }, { key: 'x'.repeat(256) }), 422, 'invalid-idempotency-key')
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['an input that is not there', { input: {} }, '#/input/amount'],
    ['an input of another type', { input: { amount: '12' } }, '#/input/amount'],
    ['a header that the destination does not take', { headers: { Authorization: 'Bearer x' } }, '#/headers'],
    ['a method that it does not have', { method: 'PUT' }, '#/method'],
    ['a tree in place of a value', { input: { amount: { $card: 'number' } } }, '#/input/amount'],
    ['a code without a card', { security_code: `cvc_${'0'.repeat(26)}`, tokens: {} }, '#/security_code'],
  ])('for %s', async (_, changes, pointer) => {
    const refused = await shop.send({ card }, changes)
    expect(refused.status, refused.text).toBe(422)
    expect(pointersOf(refused)).toContain(pointer)
  })

  it('for a member that is no part of a request, such as a URL', async () => {
    for (const member of ['url', 'origin', 'path', 'body', 'template'])
      expectProblem(await shop.send({ card }, { [member]: 'https://elsewhere.example' }), 422, 'unknown-member')
    expectProblem(await shop.send({ card }, { cvc: '123' }), 422, 'sensitive-authentication-data')
    expectProblem(await shop.send({ card }, { input: { amount: 1, cvc: '123' } }), 422, 'sensitive-authentication-data')
  })

  it('for a card number in an input or a header', async () => {
    const number = '4242 4242 4242 4242'
    expectProblem(await shop.send({ card }, { input: { amount: 1, reference: number } }), 422, 'card-number-in-text')
    expectProblem(await shop.send({ card }, { headers: { 'X-Order': number } }), 422, 'card-number-in-text')
  })

  it('for a token that the destination takes nothing of, and one that it needs', async () => {
    const shipping_address = parts.shipping_address!.token!
    const unused = await shop.send({ card, shipping_address })
    expectProblem(unused, 422, 'invalid-input')
    expect(pointersOf(unused)).toEqual(['#/tokens/shipping_address'])
    const missing = await shop.send({})
    expectProblem(missing, 422, 'invalid-input')
    expect(pointersOf(missing)).toEqual(['#/tokens/card'])
  })

  it('for a field that the destination needs and the record does not have', async () => {
    await shop.destine({
      partner: await shop.addPartner({ fields: ['address.line2'] }),
      template: { line2: { $address: 'line2', of: 'billing' } },
    })
    const { billing_address } = await shop.vault.tokenize({ billing_address: { line1: '1 Street', country: 'SG' } })
    const refused = await shop.send({ billing_address: billing_address!.token! }, { input: {} })
    expectProblem(refused, 422, 'invalid-input')
    expect(pointersOf(refused)).toEqual(['#/tokens/billing_address'])
  })
})

it('429 is that of too many tokens that do not exist, in whichever form', async () => {
  const strict = await TestVault.start({
    sharedDatabase: shop.vault.database,
    overrides: { limits: { probesPerTenMinutes: 4 } },
  })
  try {
    const token = await strict.staffToken('payments', { name: 'prober' })
    const send = (one: string) =>
      strict.call('POST', '/v1/forward', {
        token,
        headers: { 'Idempotency-Key': `probe-${one}` },
        body: { destination: 'acquirer', purpose: 'process-payment', tokens: { card: one }, input: { amount: 1 } },
      })
    for (const one of [UNKNOWN, 'nonsense', UNKNOWN.replace('0', '1'), 'card_'])
      expectProblem(await send(one), 404, 'record-not-found')
    expectProblem(await send(UNKNOWN), 429, 'too-many-requests')
    expectProblem(await send(card), 429, 'too-many-requests')
  } finally {
    await strict.stop()
  }
})

it('429 is that of a budget, which counts each record that goes along', async () => {
  const payments = roleFile({}).roles.payments!
  const grants = payments.grants.map((grant) => ({ ...grant, conditions: { budget: { per_hour: 2 } } }))
  await shop.vault.commands.applyRoles(OPERATOR, roleFile({ few: { ...payments, grants } }))
  await withMovedClock(shop.vault, toNextHour(), async () => {
    const token = await shop.vault.staffToken('few')
    const send = (one: string) => shop.send({ card: one }, { token, dry_run: true })
    const [second, third] = [await shop.newCard(), await shop.newCard()]
    expect((await send(card)).status).toBe(200)
    expect((await send(card)).status).toBe(200)
    expect((await send(second)).status).toBe(200)
    expectProblem(await send(third), 429, 'budget-spent')
    expectProblem(await shop.send({ card: third }, { token }), 429, 'budget-spent')
  })
})

describe('in production', () => {
  it('a token must be bound to its owner', async () => {
    // A client has no trial tokens, whichever way the vault runs.
    const client = await shop.vault.client(['card:forward'], { role: 'payments' })
    const bearer = (await shop.vault.requestToken(client.id, client.secret)).body.access_token
    expectProblem(await shop.send({ card }, { token: bearer }), 401, 'unauthenticated')
    const key = await createCallerKey()
    const { access_token: token } = (await requestBoundToken(shop.vault, client, key)).body
    const body = { destination: 'acquirer', purpose: 'process-payment', tokens: { card }, input: { amount: 1 } }
    const headers = { 'Idempotency-Key': 'bound' }
    const sent = await callBound(shop.vault, 'POST', '/v1/forward', { token, key }, { body, headers })
    expect(sent.status, sent.text).toBe(200)
    const again = await callBound(shop.vault, 'POST', '/v1/forward', { token, key }, { body, headers })
    expect(again.body).toEqual(sent.body)
    expect(shop.processor.received.splice(0)).toHaveLength(1)
  })

  it('nothing is sent to this machine, whatever the destination says', async () => {
    const inside = await TestVault.start({
      sharedDatabase: shop.vault.database,
      config: { production: true },
    })
    try {
      const client = await inside.client(['card:forward'], { role: 'payments' })
      const key = await createCallerKey()
      const { access_token: token } = (await requestBoundToken(inside, client, key)).body
      const body = { destination: 'acquirer', purpose: 'process-payment', tokens: { card }, input: { amount: 1 } }
      const headers = { 'Idempotency-Key': 'inside' }
      const refused = await callBound(inside, 'POST', '/v1/forward', { token, key }, { body, headers })
      expectProblem(refused, 502, 'destination-unavailable')
    } finally {
      await inside.stop()
    }
  })
})

it('a proof that was sent counts once, also where the intent is rolled back', async () => {
  const client = await shop.vault.client(['card:forward'], { role: 'payments' })
  const key = await createCallerKey()
  const { access_token: token } = (await requestBoundToken(shop.vault, client, key)).body
  const { signProof } = await import('../support/caller-keys.ts')
  const purpose = { method: 'POST', url: `${shop.vault.url}/v1/forward`, accessToken: token }
  const proof = await signProof(key, purpose, new Date(), {})
  const body = { destination: 'acquirer', purpose: 'process-payment', tokens: { card }, input: { amount: 1 } }
  const send = (name: string) =>
    callBound(shop.vault, 'POST', '/v1/forward', { token, key }, { body, proof, headers: { 'Idempotency-Key': name } })
  expect((await send('once')).status).toBe(200)
  expectProblem(await send('twice'), 401, 'unauthenticated')
  expect(shop.processor.received.splice(0)).toHaveLength(1)
})
