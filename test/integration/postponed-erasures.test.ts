import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import type { Purpose } from '../../src/access/policy/purpose.ts'
import { adoptPolicy, publishPolicy } from '../support/policies.ts'
import { card, contact } from '../support/samples.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000
const VERSION = '2026-11-01'

let vault: TestVault

beforeAll(async () => {
  // A hundred erasures at once take their time, and a ring that is confirmed late refuses.
  vault = await TestVault.start({ overrides: steadyKeys, config: { keepsLog: true, erasures: { backupDays: 30 } } })
  await publishPolicy(vault, { version: VERSION })
}, 60_000)
afterEach(() => {
  vault.clockOffsetMs = 0
  return vault.checkInvariants()
})
afterAll(() => vault.stop())

async function store(): Promise<string> {
  return (await vault.tokenize({ card, policy_version: VERSION })).card!.token!
}

async function statusOf(token: string): Promise<number> {
  const reader = await vault.clientToken(['token:read'])
  return (await vault.call('GET', `/v1/tokens/${token}`, { token: reader })).status
}

async function erase(token: string) {
  const officer = await vault.staffToken('privacy-officer')
  return vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })
}

/** What a release for a purpose that no hold here is for is answered with. */
async function reveal(token: string): Promise<unknown> {
  const support = await vault.staffToken('support')
  const body = { purpose: 'respond-to-query', fields: ['email'] }
  const { status, body: answer } = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: support, body })
  return status === 200 ? 200 : answer.code
}

function run() {
  return vault.commands.runRetention(OPERATOR, { onProgress: () => {}, signal: new AbortController().signal })
}

async function enable(): Promise<void> {
  const { plan } = await vault.commands.planRetention(OPERATOR)
  await vault.commands.enableRetention(OPERATOR, plan)
}

function hold(token: string, reason = 'Case 7: the bank asks', purpose: Purpose = 'enforce-rights') {
  const request = { token, purpose, reason, reviewAt: new Date(Date.now() + 400 * DAY) } as const
  return vault.commands.addHold(OPERATOR, request)
}

it('a hold that overtakes an erasure restricts the record as one that was there before', async () => {
  for (let round = 0; round < 12; round++) {
    const token = (await vault.tokenize({ contact, policy_version: VERSION })).contact!.token!
    const [held, erased] = await Promise.all([
      hold(token).then(
        () => true,
        () => false,
      ),
      erase(token),
    ])
    expect(held ? [409] : [204], `round ${round}`).toContain(erased.status)
    expect(await statusOf(token)).toBe(held ? 200 : 410)
    if (held) expect(await reveal(token)).toBe('erasure-postponed')
    if (held) await vault.commands.releaseHold(OPERATOR, token)
  }
})

it('a record whose erasure is postponed is not found by a card number, and no approval is asked for it, but for its hold', async () => {
  const token = await store()
  await hold(token, 'Case 9', 'process-payment')
  const legal = await vault.staffToken('legal')
  const search = { by: 'card_number', value: card.number, purpose: 'enforce-rights', reason: 'Case 9' }
  const found = async () => {
    const { body } = await vault.call('POST', '/v1/search', { token: legal, body: search })
    return body.results.some((one: { token: string }) => one.token === token)
  }
  expect(await found()).toBe(true)
  expect((await erase(token)).status).toBe(409)
  expect(await found()).toBe(false)
  const body = {
    purpose: 'legal-compliance',
    fields: ['number'],
    reason: 'A warrant',
    ticket: 'W-1',
    authority: 'A court',
  }
  const asked = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: legal, body })
  expect([asked.status, asked.body.code]).toEqual([409, 'erasure-postponed'])
  expect(await vault.events({ type: 'approval.request', token })).toEqual([])
  const question = {
    token,
    purpose: 'enforce-rights',
    fields: ['number'],
    circumstances: { reason: true, ticket: true },
  } as const
  const who = { id: 'staff:Lex', role: 'legal', site: 'default' }
  expect((await vault.commands.explainAccess(OPERATOR, who, question)).code).toBe('erasure-postponed')
  expect(await vault.commands.releaseHold(OPERATOR, token)).toMatchObject({ isErased: true })
})

it('retention goes by the version that is adopted meanwhile, from the next page of records on', async () => {
  await publishPolicy(vault, { version: 'short', settlement_days: 10 })
  await publishPolicy(vault, { version: 'long', settlement_days: 900 })
  await adoptPolicy(vault, 'short')
  await enable()
  const storing = await vault.clientToken(['tokenize'])
  const items = Array.from({ length: 10 }, () => ({ card }))
  const stored = await Promise.all(
    Array.from({ length: 11 }, () => vault.call('POST', '/v1/tokenize/batch', { token: storing, body: { items } })),
  )
  const tokens = stored.flatMap(({ body }) => body.results.map((one: { card: { token: string } }) => one.card.token))
  vault.clockOffsetMs = 12 * DAY
  // It holds up the first page, whose policies are read by then.
  const release = await vault.database.hold('SELECT 1 FROM records FOR UPDATE')
  const running = run()
  await vi.waitUntil(async () => (await vault.database.waiting()) > 0, 10_000)
  await adoptPolicy(vault, 'long')
  await release()
  expect(await running).toMatchObject({ erased: 100 })
  const erased = await Promise.all(tokens.map(erase))
  expect(erased.filter(({ status }) => status === 204)).toHaveLength(10)
})

it('retention erases nothing while the clock of the machine and that of the database are apart', async () => {
  await enable()
  const token = await store()
  const real = Date.now
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => real() + 400 * DAY)
  try {
    await expect(run()).rejects.toThrow('nothing is erased by time: the clock of this machine is')
  } finally {
    clock.mockRestore()
  }
  expect(await statusOf(token)).toBe(200)
})

it('retention leaves a record alone whose row says otherwise than its seals, and that is overdue', async () => {
  await enable()
  const token = (await vault.tokenize({ card, policy_version: VERSION, consents: ['store-card'] })).card!.token!
  const [row] = await vault.database.sql<{ consents: number }>(
    'SELECT consents FROM records WHERE token = id_uuid($1)',
    [token],
  )
  const set = 'UPDATE records SET consents = $2 WHERE token = id_uuid($1)'
  const other = await store()
  await vault.database.sql(
    'UPDATE records SET consents = (SELECT consents FROM records WHERE token = id_uuid($2)) WHERE token = id_uuid($1)',
    [token, other],
  )
  vault.clockOffsetMs = 122 * DAY
  await run()
  expect(await statusOf(other)).toBe(410)
  const [{ left }] = (await vault.database.sql(
    'SELECT erased_at IS NULL AS left FROM records WHERE token = id_uuid($1)',
    [token],
  )) as [{ left: boolean }]
  expect(left).toBe(true)
  expect((await vault.commands.verifyRetention()).overdue).toBe(1)
  await vault.database.sql(set, [token, row!.consents])
  expect((await vault.commands.verifyRetention()).ok).toBe(true)
  expect(await statusOf(token)).toBe(200)
})
