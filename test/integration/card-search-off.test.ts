import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { card, cards, contact } from '../support/samples.ts'
import { expectExactTerms } from '../support/search-terms.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

// A rotation waits some seconds for other servers, and several are run in a test.
vi.setConfig({ testTimeout: 90_000 })

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const CUSTOMER = 'cus_with_a_card'

/** Two servers of one vault: one as it was, one that was restarted with STRONGROOM_CARD_SEARCH=off. */
let vault: TestVault
let off: TestVault

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  off = await TestVault.start({
    sharedDatabase: vault.database,
    overrides: quickKeys,
    config: { records: { findsCards: false } },
  })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await off.stop()
  await vault.stop()
})

async function store(on: TestVault, number: string, customer?: string): Promise<string> {
  const body = { customer, card: { ...card, number } }
  const answer = await on.call('POST', '/v1/tokenize', { token: await vault.clientToken(['tokenize']), body })
  expect(answer.status, answer.text).toBe(201)
  return answer.body.card.token
}

const search = async (on: TestVault, by: 'card_number' | 'customer', value: string) =>
  on.call('POST', '/v1/search', {
    token: await vault.staffToken(by === 'customer' ? 'support' : 'billing'),
    body: { by, value, ...(by === 'customer' ? {} : { purpose: 'process-payment' }) },
  })

async function found(on: TestVault, by: 'card_number' | 'customer', value: string): Promise<string[]> {
  const answer = await search(on, by, value)
  expect(answer.status, answer.text).toBe(200)
  return answer.body.results.map(({ token }: { token: string }) => token)
}

/** How many search terms are under keys for card numbers, in any state. */
async function termsOfCards(): Promise<number> {
  const status = await vault.commands.keyStatus()
  return status.reduce((sum, key) => sum + (key.purpose === 'card-index' ? key.search_terms! : 0), 0)
}

describe('a vault that finds no card by its number', () => {
  it('makes no term, loses those that it had with a rotation, and has all of them again after another', async () => {
    const stored = [
      [cards.visa, await store(vault, cards.visa, CUSTOMER)],
      [cards.mastercard, await store(vault, cards.mastercard)],
    ] as const
    expect(await found(vault, 'card_number', cards.visa)).toEqual([stored[0][1]])
    const later = [cards.amex, await store(off, cards.amex)] as const
    expect(await termsOfCards()).toBe(2)
    expectProblem(await search(off, 'card_number', cards.visa), 403, 'card-search-off')

    expect(await off.rotate('index')).toMatchObject({ done: true, remaining: 0 })
    expect(await termsOfCards()).toBe(0)
    const [left] = await vault.database.sql<{ terms: number; remembered: number }>(
      `SELECT (SELECT count(*)::integer FROM readable.search_terms) AS terms,
         (SELECT sum(length(terms) / 16)::integer FROM readable.records) AS remembered`,
    )
    expect(left).toEqual({ terms: 1, remembered: 1 })
    expect(await found(off, 'customer', CUSTOMER)).toEqual([stored[0][1]])
    expectProblem(await search(off, 'card_number', cards.visa), 403, 'card-search-off')
    expect(
      (await vault.call('GET', `/v1/tokens/${stored[1][1]}`, { token: await vault.staffToken('support') })).status,
    ).toBe(200)

    const estimate = await vault.commands.estimateRotation({ purposes: ['card-index'] })
    expect(estimate.total).toBe(3)
    expect(await vault.rotate('index')).toMatchObject({ done: true, remaining: 0 })
    for (const [number, token] of [...stored, later]) {
      expect(await found(vault, 'card_number', number)).toEqual([token])
    }
    expect(await termsOfCards()).toBe(3)
    await expectExactTerms(vault)
    // There is nothing left to index.
    expect(await vault.rotate('data')).toMatchObject({ done: true })
    expect((await vault.commands.estimateRotation({ purposes: ['card-index'] })).total).toBe(3)
  })
})

describe('the index keys that a rotation has emptied', () => {
  const rotate = (keepsKeys = false) =>
    vault.commands.rotateKeys(
      OPERATOR,
      { purposes: ['index', 'card-index'], keepsKeys },
      { onProgress: () => {}, signal: new AbortController().signal },
    )
  const stateOf = async (id: string) => (await vault.commands.listKeys()).find((key) => key.id === id)!.state

  it('are destroyed at its end, but for one that a kept answer needs, which is named', async () => {
    const answer = await vault.call('POST', '/v1/tokenize', {
      token: await vault.clientToken(['tokenize']),
      body: { contact },
      headers: { 'Idempotency-Key': 'kept-for-a-day' },
    })
    expect(answer.status).toBe(201)
    const { retired, destroyed, awaited } = await rotate()
    const [index, cardIndex] = retired
    expect(destroyed).toEqual([cardIndex])
    expect(awaited).toEqual([{ id: index, reason: expect.stringContaining('Idempotency-Keys') }])
    expect([await stateOf(index!), await stateOf(cardIndex!)]).toEqual(['deactivated', 'destroyed'])
    await expectExactTerms(vault)

    await vault.database.sql("UPDATE readable.idempotency_keys SET expires_at = now() - interval '1 minute'")
    const next = await rotate()
    expect([...next.destroyed].sort()).toEqual([index, ...next.retired].sort())
    expect(next.awaited).toEqual([])
    expect(await stateOf(index!)).toBe('destroyed')
  })

  it('are kept when the operator says so, also by the next rotation', async () => {
    const kept = await rotate(true)
    expect(kept.destroyed).toEqual([])
    const { destroyed, retired } = await rotate()
    expect([...destroyed].sort()).toEqual([...retired].sort())
    for (const id of kept.retired) expect(await stateOf(id)).toBe('deactivated')
  })
})
