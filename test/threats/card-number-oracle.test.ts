import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { hmacOf } from '../../src/keys/registry/macs.ts'
import { callBound, requestBoundToken } from '../support/bound-caller.ts'
import { createCallerKey } from '../support/caller-keys.ts'
import { cardNumbers } from '../support/card-numbers.ts'
import { pipeline, statusesOf } from '../support/pipeline.ts'
import { expectProblem, pointersOf, withoutRequestId } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, cards, checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'
import { readVaultKeys, replaceKeys, withVaultKeys } from '../support/vault-keys.ts'

/** An attacker who sees the first six and the last four digits of a card tries the 100,000 numbers that it can be. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const LIMIT = 20

let vault: TestVault
let second: TestVault
let token: string

beforeAll(async () => {
  const overrides = { limits: { cardSearchesPerDay: LIMIT } }
  vault = await TestVault.start({ overrides })
  second = await TestVault.start({ overrides, sharedDatabase: vault.database })
  token = (await vault.tokenize(checkout)).card!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const search = (bearer: string, why: object, value: string = cards.visa, on = vault) =>
  on.call('POST', '/v1/search', { token: bearer, body: { by: 'card_number', value, ...why } })
const counted = () => vault.database.sql("SELECT FROM budget_records WHERE purpose = 'search-card-number'")

describe('a role that may not see the number', () => {
  it.each([
    ['fraud', 'enforce-rights', 'fields-not-permitted'],
    ['fraud', 'process-payment', 'purpose-not-permitted'],
    ['support', 'respond-to-query', 'scope-missing'],
    ['fulfilment', 'provide-goods', 'scope-missing'],
    ['storefront', 'process-payment', 'scope-missing'],
    ['privacy-officer', 'respond-to-query', 'scope-missing'],
    ['billing', 'enforce-rights', 'purpose-not-permitted'],
    ['marketing', 'marketing', 'scope-missing'],
  ] as const)('%s for %s: 403 %s, hit and miss alike, and nothing is looked up', async (role, purpose, code) => {
    const bearer = await vault.staffToken(role, { name: `Oracle ${role} ${purpose}` })
    const before = (await counted()).length
    const answers = []
    for (const value of [cards.visa, cards.mastercard, '4242424242424241']) {
      answers.push(await search(bearer, { purpose }, value))
    }
    for (const answer of answers) expectProblem(answer, 403, code)
    expect(new Set(answers.map(withoutRequestId)).size).toBe(1)
    expect(await counted()).toHaveLength(before)
    for (const { body } of answers) {
      expect(await vault.events({ request_id: body.request_id })).toEqual([
        expect.objectContaining({ type: 'request.refuse', outcome: 'refused', code, route: '/v1/search' }),
      ])
    }
  })
})

it('an attacker who has the key of limits and the counts of a search finds no number with them', async () => {
  const bearer = await vault.staffToken('billing', { name: 'Counted Once' })
  expect((await search(bearer, { purpose: 'process-payment' })).status).toBe(200)
  const rows = await vault.database.sql<{ caller: string; record: string }>(
    "SELECT caller, record FROM budget_records WHERE purpose = 'search-card-number' AND caller LIKE '%counted%'",
  )
  expect(rows).toHaveLength(1)
  const limitKey = (await readVaultKeys(vault)).active('limit-mac')
  const guesses = [cards.visa, `${rows[0]!.caller}\n${cards.visa}`].map((text) =>
    hmacOf(limitKey, 'strongroom limit', text).toString('base64url'),
  )
  for (const guess of guesses) expect(rows[0]!.record).not.toContain(guess)
  // Under another index key it is the same number still.
  await withVaultKeys(vault, (parts) => replaceKeys(parts, ['card-index']))
  await vault.checkReady()
  expect((await search(bearer, { purpose: 'process-payment' })).status).toBe(200)
  expect(await vault.database.sql("SELECT FROM budget_records WHERE caller LIKE '%counted%'")).toHaveLength(1)
})

describe('a role that may', () => {
  it('says for which purpose', async () => {
    const bearer = await vault.staffToken('billing')
    const refused = await search(bearer, {})
    expectProblem(refused, 422, 'invalid-input')
    expect(pointersOf(refused)).toEqual(['#/purpose'])
    const other = { by: 'customer', value: 'cus_1042', purpose: 'process-payment' }
    expectProblem(await vault.call('POST', '/v1/search', { token: bearer, body: other }), 422, 'unknown-member')
  })

  it('meets the conditions of its grant, and leaves an event that says why', async () => {
    const careful = conditionalRole({ reason: true, ticket: true })
    await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
    const bearer = await vault.staffToken('careful', { name: 'Careful' })
    const purpose = 'enforce-rights'
    expectProblem(await search(bearer, { purpose }), 403, 'condition-not-met')
    expectProblem(await search(bearer, { purpose, reason: 'a chargeback' }), 403, 'condition-not-met')
    const found = await search(bearer, { purpose, reason: 'a chargeback', ticket: 'CB-17' })
    expect(found.body.results, found.text).toEqual([expect.objectContaining({ token })])
    const events = await vault.events({ request_id: found.headers['request-id'] })
    expect(events).toEqual([
      expect.objectContaining({ type: 'record.search', search_by: 'card_number', count: 1, purpose, ticket: 'CB-17' }),
    ])
    const reasons = await vault.database.sql('SELECT FROM readable.reveal_reasons WHERE event = $1', [events[0]!.id])
    expect(reasons).toHaveLength(1)
  })

  it('is not served by a grant that wants an approval', async () => {
    const bearer = await vault.staffToken('legal')
    const purpose = 'legal-compliance'
    expectProblem(await search(bearer, { purpose }), 403, 'condition-not-met')
    const full = { purpose, ticket: 'C-1', authority: 'State Court', reason: 'an order' }
    expectProblem(await search(bearer, full), 403, 'condition-not-met')
    expectProblem(await search(bearer, { ...full, break_glass: true }), 422, 'unknown-member')
    expect(await vault.count('approvals')).toBe(0)
    expect((await search(bearer, { purpose: 'enforce-rights' })).status).toBe(200)
  })

  it('has a token that is bound to its owner where a reveal needs one', async () => {
    const client = await vault.client(['token:search', 'card:reveal'], { role: 'billing' })
    const stolen = (await vault.requestToken(client.id, client.secret)).body.access_token
    expectProblem(await search(stolen, { purpose: 'process-payment' }), 401, 'unauthenticated')
    const key = await createCallerKey()
    const bound = (await requestBoundToken(vault, client, key)).body.access_token
    const body = { by: 'card_number', value: cards.visa, purpose: 'process-payment' }
    const found = await callBound(vault, 'POST', '/v1/search', { token: bound, key }, { body })
    expect(found.body.results, found.text).toEqual([expect.objectContaining({ token })])
  })

  it('does not find a card whose shopper has not consented to the purpose', async () => {
    const agreed = conditionalRole({}, { purposes: ['marketing'] })
    await vault.commands.applyRoles(OPERATOR, roleFile({ agreed }))
    const bearer = await vault.staffToken('agreed', { name: 'Marketer' })
    expect((await search(bearer, { purpose: 'marketing' })).body.results).toEqual([])
    const number = cards.amex
    await vault.tokenize({ consents: ['marketing'], card: { ...card, number } })
    expect((await search(bearer, { purpose: 'marketing' }, number)).body.results).toHaveLength(1)
  })
})

describe('different numbers in a day', () => {
  const purpose = 'process-payment'
  const alerts = (caller: string) =>
    [...vault.logLines, ...second.logLines]
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line.alert === 'card-numbers-searched' && line.caller === caller)

  it('are counted once each; beyond them hit and miss look alike on every server, until the next day', async () => {
    const bearer = await vault.staffToken('billing', { name: 'Counting', minutes: 60 })
    const numbers = cardNumbers(LIMIT)
    for (const [at, number] of numbers.entries()) {
      const on = at % 2 === 0 ? vault : second
      for (let again = 0; again < 2; again++) expect((await search(bearer, { purpose }, number, on)).status).toBe(200)
    }
    await vi.waitUntil(() => alerts('staff:counting').length > 0)
    expect(alerts('staff:counting')).toEqual([expect.objectContaining({ numbers: 16, limit: LIMIT })])
    const answers = []
    for (const on of [vault, second]) {
      for (const value of [cards.visa, cards.mastercard]) answers.push(await search(bearer, { purpose }, value, on))
    }
    for (const answer of answers) expectProblem(answer, 429, 'too-many-requests')
    expect(new Set(answers.map(withoutRequestId)).size).toBe(1)
    // Repeated questions reveal nothing new, and another person continues.
    expect((await search(bearer, { purpose }, numbers[0])).status).toBe(200)
    const other = await vault.staffToken('billing', { name: 'Another' })
    expect((await search(other, { purpose })).body.results).toHaveLength(1)
    const rows = await vault.database.sql<{ record: string }>(
      "SELECT record FROM budget_records WHERE purpose = 'search-card-number'",
    )
    expect(rows.some(({ record }) => /[0-9]{13}/.test(record))).toBe(false)
    const tomorrow = 24 * 60 * 60 * 1000
    vault.clockOffsetMs += tomorrow
    const next = await vault.staffToken('billing', { name: 'Counting' })
    expect((await search(next, { purpose })).status).toBe(200)
    vault.clockOffsetMs -= tomorrow
  })

  it('1,200 guesses at once over two servers get no more answers than that', async () => {
    const bearer = await vault.staffToken('billing', { name: 'Bursting' })
    const guesses = cardNumbers(1_200, '555555').map((value) => {
      const body = { by: 'card_number', value, purpose }
      return { method: 'POST', path: '/v1/search', body } as const
    })
    const answers = await Promise.all([
      pipeline(vault, bearer, guesses.slice(0, 600)),
      pipeline(second, bearer, guesses.slice(600)),
    ])
    expect(statusesOf(answers.flat())).toEqual({ 200: LIMIT, 429: 1_200 - LIMIT })
  })
})

describe('beyond a budget', () => {
  it.each([
    ['customer', 'cus_1042', 'cus_nobody'],
    ['email', checkout.contact.email, 'nobody@example.sg'],
    ['phone', checkout.contact.phone, '+6561230000'],
    ['card_number', cards.visa, cards.mastercard],
  ])('a hit and a miss by %s are one answer', async (by, hit, miss) => {
    const spender = { ...conditionalRole({}), budget: { per_day: 1 } }
    await vault.commands.applyRoles(OPERATOR, roleFile({ spender }))
    const bearer = await vault.staffToken('spender', { name: `Spender ${by}` })
    const why = by === 'card_number' ? { purpose: 'enforce-rights' } : {}
    const ask = (value: string, on: TestVault) =>
      on.call('POST', '/v1/search', { token: bearer, body: { by, value, ...why } })
    expect((await ask(miss, vault)).status).toBe(200)
    expect((await vault.call('GET', `/v1/tokens/${token}`, { token: bearer })).status).toBe(200)
    const answers = []
    for (const on of [vault, second]) for (const value of [hit, miss]) answers.push(await ask(value, on))
    for (const answer of answers) expectProblem(answer, 429, 'budget-spent')
    expect(new Set(answers.map(withoutRequestId)).size).toBe(1)
  })
})
