import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { publishPolicy, purposesWithout, shippedPolicy } from '../support/policies.ts'
import { expectProblem, pointersOf, withoutRequestId } from '../support/problems.ts'
import { billingAddress, checkout, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * The hourly limit, which counts right answers too, is tested alone. For wrong ones:
 * test/threats/guessing-a-record.test.ts.
 */
const MANY = { perCaller: 1_000, perRecord: 1_000 }

let vault: TestVault
let parts: Record<string, Record<string, string>>
let support: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides: { limits: { matchesPerHour: 30, wrongMatches: MANY } } })
  support = await vault.staffToken('support')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const match = (token: string, body: unknown, as = support, headers = {}) =>
  vault.call('POST', `/v1/tokens/${token}/match`, { token: as, body, headers })
const tokenOf = (part: string) => parts[part]!.token!
const place = { line1: person.line1, line2: person.line2, city: 'Singapore', postal_code: '048616', country: 'SG' }

describe('200', () => {
  beforeAll(async () => {
    parts = await vault.tokenize({ ...checkout, shipping_address: { ...billingAddress, phone: person.phone } })
  })

  it.each<[string, unknown, boolean]>([
    ['billing_address', { fields: { postal_code: '048616' } }, true],
    ['billing_address', { field: 'postal_code', value: '04-86 16' }, true],
    ['billing_address', { fields: { postal_code: '048617' } }, false],
    ['billing_address', { fields: { name: 'tan mei ling', postal_code: '048616' } }, true],
    ['billing_address', { fields: { name: 'tan mei ling', postal_code: '048617' } }, false],
    ['billing_address', { fields: { address: place } }, true],
    ['billing_address', { field: 'address', value: { ...place, line2: '' } }, false],
    ['card', { fields: { last4: '4242' } }, true],
    ['card', { fields: { last4: '4243', name: person.name } }, false],
    ['contact', { fields: { name: 'TAN MEI LING' }, purpose: 'respond-to-query' }, true],
  ])('%s with %j: %s', async (part, body, matches) => {
    const response = await match(tokenOf(part), body)
    expect(response.status, response.text).toBe(200)
    expect(response.body).toEqual({ matches })
  })

  it('compares a shipping with a billing address by their tokens, as places or by name', async () => {
    const [billing, shipping] = [tokenOf('billing_address'), tokenOf('shipping_address')]
    expect((await match(billing, { token: shipping })).body).toEqual({ matches: true })
    const elsewhere = (await vault.tokenize({ shipping_address: { ...billingAddress, line1: '2 Raffles Place' } }))
      .shipping_address!.token!
    expect((await match(elsewhere, { token: billing })).body).toEqual({ matches: false })
    expect((await match(elsewhere, { token: billing, fields: ['name'] })).body).toEqual({ matches: true })
    expect((await match(tokenOf('card'), { token: billing, fields: ['name'] })).body).toEqual({ matches: true })
  })

  it('leaves an event of each record with the names only, the same for a right and a wrong guess', async () => {
    const token = tokenOf('billing_address')
    const events: unknown[] = []
    for (const guess of ['048616', '999999']) {
      const response = await match(token, { fields: { postal_code: guess } })
      const [event, ...others] = await vault.events({ request_id: response.headers['request-id'] })
      expect(others).toEqual([])
      expect(JSON.stringify(event)).not.toContain(guess)
      expect(event).toMatchObject({ type: 'record.match', token, fields: ['postal_code'], record_version: 1 })
      const { id: _id, at: _at, request_id: _request, made: _made, ...same } = event!
      events.push({
        ...same,
        headers: Object.keys(response.headers).sort(),
        length: response.text.length + (guess === '048616' ? 1 : 0),
      })
    }
    expect(events[0]).toEqual(events[1])
  })

  it('replays under an Idempotency-Key by looking again', async () => {
    const body = { fields: { postal_code: '048616' } }
    const headers = { 'Idempotency-Key': 'match-1' }
    const [first, again] = [
      await match(tokenOf('billing_address'), body, support, headers),
      await match(tokenOf('billing_address'), body, support, headers),
    ]
    expect(again.body).toEqual(first.body)
    expect(again.headers['idempotent-replayed']).toBe('true')
    expectProblem(
      await match(tokenOf('billing_address'), { fields: { name: 'x' } }, support, headers),
      422,
      'idempotency-key-reused',
    )
  })
})

describe('a purpose that is named', () => {
  it('is one that the shopper was told of, and has agreed to, and is a purpose of the hold that keeps an erased record', async () => {
    const told = {
      ...shippedPolicy.purposes,
      research: { ...shippedPolicy.purposes.research!, consent: true as const },
    }
    await publishPolicy(vault, { version: 'told', purposes: told })
    await publishPolicy(vault, { version: 'silent', purposes: purposesWithout('respond-to-query') })
    const fields = { name: person.name }
    const store = async (policy_version: string, consents: string[] = []) =>
      (await vault.tokenize({ contact: checkout.contact, policy_version, consents })).contact!.token!
    const ask = (token: string, purpose?: string) => match(token, { fields, purpose })
    expectProblem(await ask(await store('silent'), 'respond-to-query'), 403, 'purpose-not-notified')
    expectProblem(await ask(await store('told'), 'research'), 403, 'consent-missing')
    expect((await ask(await store('told', ['research']), 'research')).body).toEqual({ matches: true })

    const token = await store('told')
    const reviewAt = new Date(Date.now() + 86_400_000)
    const hold = { token, purpose: 'enforce-rights', reason: 'Case 7', reviewAt } as const
    await vault.commands.addHold({ id: 'operator:test', kind: 'operator' }, hold)
    const officer = await vault.staffToken('privacy-officer')
    expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(409)
    expectProblem(await ask(token, 'respond-to-query'), 409, 'erasure-postponed')
    expectProblem(await ask(token), 409, 'erasure-postponed')
    expect((await ask(token, 'enforce-rights')).body).toEqual({ matches: true })
  })
})

describe('403', () => {
  it('without the scope, which the checkout does not have', async () => {
    for (const token of [await vault.clientToken(['tokenize']), await vault.staffToken('marketing')]) {
      expectProblem(await match(tokenOf('card'), { fields: { last4: '4242' } }, token), 403, 'scope-missing')
    }
  })
})

describe('404 and 410', () => {
  it('foreign, unknown and malformed tokens give the same answer, on either side', async () => {
    const foreign = (await vault.tokenize({ billing_address: billingAddress }, { site: 'berlin' })).billing_address!
      .token!
    const unknown = `addr_${'0'.repeat(26)}`
    const answers = []
    for (const token of [foreign, unknown, 'nonsense']) {
      answers.push(await match(token, { fields: { name: person.name } }))
      answers.push(await match(tokenOf('billing_address'), { token }))
    }
    for (const answer of answers) expectProblem(answer, 404, 'record-not-found')
    expect(new Set(answers.map(withoutRequestId)).size).toBe(1)
  })

  it('an erased record is gone', async () => {
    const { token } = (await vault.tokenize({ billing_address: billingAddress })).billing_address!
    await vault.call('DELETE', `/v1/tokens/${token}`, { token: await vault.staffToken('privacy-officer') })
    expectProblem(await match(token!, { fields: { name: person.name } }), 410, 'record-gone')
  })
})

describe('422', () => {
  it.each<[string, unknown, string]>([
    ['nothing to compare', {}, '#'],
    ['no field', { fields: {} }, '#/fields'],
    ['a field without a value', { field: 'name' }, '#'],
    ['two ways at once', { fields: { name: 'x' }, field: 'name', value: 'x' }, '#'],
    ['values beside a token', { token: 'x', fields: { name: 'x' } }, '#'],
    ['names without a token', { fields: ['name'] }, '#'],
    ['a card number', { fields: { number: '4242424242424242' } }, '#/fields'],
    ['what a card does not have', { fields: { postal_code: '1' } }, '#/fields'],
  ])('%s', async (_name, body, pointer) => {
    const response = await match(tokenOf('card'), body)
    expect(response.status, response.text).toBe(422)
    expect(pointersOf(response)).toContain(pointer)
  })
})

describe('429', () => {
  it('for a caller who tries all values of one record; other callers and records are not limited', async () => {
    const parts = await vault.tokenize({ billing_address: billingAddress, contact: { name: person.name } })
    const { token } = parts.billing_address!
    const guess = (code: number) => match(token!, { fields: { postal_code: String(code).padStart(6, '0') } })
    for (let code = 0; code < 30; code++) expect((await guess(code)).body).toEqual({ matches: false })
    const refused = await guess(48616)
    expectProblem(refused, 429, 'too-many-requests')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await match(parts.contact!.token!, { fields: { name: person.name } })).body).toEqual({ matches: true })
    const fraud = await vault.staffToken('fraud')
    expect((await match(token!, { fields: { postal_code: '048616' } }, fraud)).body).toEqual({ matches: true })
  })
})
