import { afterEach, describe, expect, it, vi } from 'vitest'
import type { LimitsConfig } from '../../src/config/config-sections.ts'
import { expectProblem, withoutRequestId } from '../support/problems.ts'
import { card, cards, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 41: a stolen list of numbers is tried, many a minute, to learn which of them are any good. */
let vault: TestVault

async function start(limits: Partial<LimitsConfig['cards']>): Promise<void> {
  vault = await TestVault.start({ config: { limits: { cards: limits } } })
}
afterEach(async () => {
  await vault.checkInvariants()
  await vault.stop()
})

const valid = { card }
/**
 * In an order that a tester would not care about: a wrong check digit, an expired one, no number at all, a forbidden
 * member.
 */
const invalid = [
  { card: { ...card, number: '4242424242424241' } },
  { card: { ...card, exp_year: 2020 } },
  { card: { ...card, number: 'nothing' } },
  { card: { ...card, cvc: '123' } },
  { card: 'a card' },
]
const send = (token: string, body: unknown) => vault.call('POST', '/v1/tokenize', { token, body })
const alerts = () =>
  vault.logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ alert }) => alert === 'card-testing')

describe('from one client', () => {
  it('valid and invalid cards are counted alike and, beyond the limit, look alike', async () => {
    await start({ perClient: 6 })
    const tester = await vault.clientToken(['tokenize'])
    const statuses = []
    for (const body of [...invalid, valid]) statuses.push((await send(tester, body)).status)
    expect(statuses).toEqual([422, 422, 422, 422, 422, 201])
    const answers = []
    for (const body of [valid, ...invalid, { ...valid, colour: 'red' }]) answers.push(await send(tester, body))
    for (const answer of answers) expectProblem(answer, 429, 'too-many-requests')
    expect(new Set(answers.map(withoutRequestId)).size).toBe(1)
    expect(answers.every(({ headers }) => Number(headers['retry-after']) > 0)).toBe(true)
    await vi.waitUntil(() => alerts().length > 0)
    expect(alerts()).toEqual([
      expect.objectContaining({ by: 'client', limit: 6, caller: expect.stringMatching(/^client_/) }),
    ])
    expect(await vault.count('records')).toBe(1)
    // All other calls of the shop work, and the client's again after a minute.
    expect((await send(tester, { contact })).status).toBe(201)
    expect((await send(await vault.clientToken(['tokenize']), valid)).status).toBe(201)
    vault.clockOffsetMs += 61_000
    expect((await send(tester, valid)).status).toBe(201)
  })

  it('a batch counts each of its cards, and holds over two servers', async () => {
    await start({ perClient: 10 })
    const second = await TestVault.start({
      sharedDatabase: vault.database,
      config: { limits: { cards: { perClient: 10 } } },
    })
    const tester = await vault.clientToken(['tokenize'])
    const items = [...Array(5).fill(valid), ...invalid.slice(0, 4), { contact }]
    const batch = (on: TestVault) => on.call('POST', '/v1/tokenize/batch', { token: tester, body: { items } })
    expect((await batch(vault)).status).toBe(200)
    expectProblem(await batch(second), 429, 'too-many-requests')
    await second.stop()
  })
})

it('from one source address, whichever client it uses', async () => {
  await start({ perSource: 3 })
  for (let at = 0; at < 3; at++) expect((await send(await vault.clientToken(['tokenize']), valid)).status).toBe(201)
  expectProblem(await send(await vault.clientToken(['tokenize']), valid), 429, 'too-many-requests')
  const rows = await vault.database.sql<{ key: string }>("SELECT key FROM rate_limits WHERE key LIKE 'cards-%'")
  expect(rows.map(({ key }) => key).join()).not.toContain('127.0.0.1')
})

it('of one BIN range, however it is written; other ranges and other sites are not limited', async () => {
  await start({ perBin: 3 })
  const tester = await vault.clientToken(['tokenize'])
  const numbers = ['4242424242424242', '4242 4242 4242 4242', '424242-0000000000']
  for (const number of numbers) expect((await send(tester, { card: { ...card, number } })).status).not.toBe(429)
  expectProblem(await send(await vault.clientToken(['tokenize']), valid), 429, 'too-many-requests')
  expect((await send(tester, { card: { ...card, number: cards.mastercard } })).status).toBe(201)
  expect((await send(await vault.clientToken(['tokenize'], { site: 'berlin' }), valid)).status).toBe(201)
})

it('without limits nothing is counted', async () => {
  await start({})
  const tester = await vault.clientToken(['tokenize'])
  const items = Array(200).fill(valid)
  expect((await vault.call('POST', '/v1/tokenize/batch', { token: tester, body: { items } })).status).toBe(200)
  const rows = await vault.database.sql("SELECT key FROM rate_limits WHERE key LIKE 'cards-%'")
  expect(rows).toEqual([])
})
