import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Conditions } from '../../src/access/policy/roles.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, cards, contact, person } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'enforce-rights'
const reason = 'Chargeback, as the bank asks'
const MINUTE_MS = 60_000

let vault: TestVault
let second: TestVault
let token: string
let asker: string
let approver: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  second = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
})
beforeEach(async () => {
  await apply({ approval: true })
  token = (await vault.tokenize({ card })).card!.token!
  asker = await vault.staffToken('careful', { name: 'Ann' })
  approver = await vault.staffToken('privacy-officer', { name: 'Olga' })
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

function apply(conditions: Conditions) {
  const role = conditionalRole(conditions)
  const careful = { ...role, scopes: [...role.scopes, 'release:approve'] as const }
  return vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
}
const reveal = (body: object = {}, as = asker, of = token, on = vault) =>
  on.call('POST', `/v1/tokens/${of}/reveal`, { token: as, body: { purpose, fields: ['number'], reason, ...body } })
async function request(body?: object, as?: string): Promise<string> {
  const refused = await reveal(body, as)
  expectProblem(refused, 403, 'approval-required')
  expect(refused.body.approval).toMatch(/^apr_[0-9a-z]{26}$/)
  expect(refused.text).not.toContain(cards.visa)
  return refused.body.approval
}
const decide = (id: string, verdict: string, as = approver, on = vault) =>
  on.call('POST', `/v1/approvals/${id}/${verdict}`, { token: as })
const look = (path = '', as = approver) => vault.call('GET', `/v1/approvals${path}`, { token: as })

describe('a release that needs approval', () => {
  it('asked again before the decision, is the same request', async () => {
    const id = await request()
    expect(await request()).toBe(id)
    expect(await request({ fields: ['exp_year'] })).not.toBe(id)
  })

  it('approved on one server, leaves from the other: once, and the events name both people', async () => {
    const id = await request({ ticket: 'CASE-7' })
    const approved = await decide(id, 'approve', approver, second)
    expect(approved.body).toEqual({ id, state: 'approved' })
    const released = await reveal({ ticket: 'CASE-7' })
    expect(released.status, released.text).toBe(200)
    expect(released.body.data).toEqual({ number: cards.visa })
    const next = await request()
    expect(next).not.toBe(id)
    const events = await vault.events({ token })
    const facts = events.map(({ type, caller, subject, approval }) => [
      type,
      (caller as { id: string }).id,
      subject ?? approval,
    ])
    expect(facts.slice(1)).toEqual([
      ['approval.request', 'staff:ann', id],
      ['request.refuse', 'staff:ann', undefined],
      ['approval.approve', 'staff:olga', id],
      ['record.reveal', 'staff:ann', id],
      ['approval.request', 'staff:ann', next],
      ['request.refuse', 'staff:ann', undefined],
    ])
  })

  it.each<[string, () => ReturnType<typeof reveal>]>([
    ['other fields', () => reveal({ fields: ['number', 'holder_name'] })],
    ['another caller', async () => reveal({}, await vault.staffToken('careful', { name: 'Ben' }))],
    ['another record', async () => reveal({}, asker, (await vault.tokenize({ card })).card!.token!)],
  ])('is not approved for %s', async (_name, ask) => {
    await decide(await request(), 'approve')
    expectProblem(await ask(), 403, 'approval-required')
    expect((await reveal()).status).toBe(200)
  })

  it('is used once when many use it at the same moment on two servers', async () => {
    await decide(await request(), 'approve')
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) => reveal({}, asker, token, at % 2 ? vault : second)),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('is used by one of two items of the same record', async () => {
    await decide(await request(), 'approve')
    const items = [1, 2].map(() => ({ token, fields: ['number'] }))
    const answer = await vault.call('POST', '/v1/reveal', { token: asker, body: { purpose, reason, items } })
    expect(answer.body.results.map(({ status }: { status: number }) => status)).toEqual([200, 403])
  })

  it('is over after a quarter of an hour, and a request after a day', async () => {
    await decide(await request(), 'approve')
    vault.clockOffsetMs = 16 * MINUTE_MS
    const late = await vault.staffToken('careful', { name: 'Ann' })
    const again = await request({}, late)
    vault.clockOffsetMs = 25 * 60 * MINUTE_MS
    expectProblem(await decide(again, 'approve', await vault.staffToken('privacy-officer')), 409, 'approval-decided')
  })

  it('refused, does not leave, and cannot be approved afterwards', async () => {
    const id = await request()
    expect((await decide(id, 'refuse')).body).toEqual({ id, state: 'refused' })
    expectProblem(await decide(id, 'approve'), 409, 'approval-decided')
    expect(await request()).not.toBe(id)
  })

  it('does not leave if the role lost it in the meantime', async () => {
    await decide(await request(), 'approve')
    await vault.commands.applyRoles(
      OPERATOR,
      roleFile({ careful: { ...conditionalRole({ approval: true }), denials: [{ kind: 'card' }] } }),
    )
    expectProblem(await reveal(), 403, 'purpose-not-permitted')
  })

  it('of a record that was erased in the meantime, or is unknown, is gone or not found', async () => {
    await decide(await request(), 'approve')
    await vault.call('DELETE', `/v1/tokens/${token}`, { token: approver })
    expectProblem(await reveal(), 410, 'record-gone')
  })

  it('other conditions are asked first, and no request is made for what would not be granted anyway', async () => {
    await apply({ approval: true, ticket: true })
    expectProblem(await reveal(), 403, 'condition-not-met')
    await request({ ticket: 'CASE-1' })
    expectProblem(await reveal({ purpose: 'marketing' }), 403, 'purpose-not-permitted')
    const none = await vault.database.sql("SELECT id FROM approvals WHERE purpose = 'marketing'")
    expect(none).toEqual([])
  })
})

describe('the second person', () => {
  it('sees who asks for what and why, and the record masked, never the data', async () => {
    const id = await request({ ticket: 'CASE-9' })
    const seen = await look(`/${id}`)
    expect(seen.body).toMatchObject({
      ...{
        id,
        state: 'pending',
        caller: 'staff:ann',
        role: 'careful',
        token,
        fields: ['number'],
        purpose,
        ticket: 'CASE-9',
      },
      reason,
      record: { token, brand: 'visa', last4: '4242' },
    })
    for (const secret of [cards.visa, person.name]) expect(seen.text).not.toContain(secret)
    const listed = await look()
    expect(listed.body.approvals.map((one: { id: string }) => one.id)).toContain(id)
    expect(listed.text).not.toContain(reason)
    const dump = await vault.database.sql('SELECT a::text AS line FROM approvals a')
    expect(JSON.stringify(dump)).not.toContain('Chargeback')
  })

  it('is another person: no one approves their own, and no program approves', async () => {
    const id = await request()
    expectProblem(await decide(id, 'approve', asker), 403, 'own-request')
    const program = await vault.clientToken(['release:approve'], { role: 'privacy-officer' })
    expectProblem(await decide(id, 'approve', program), 403, 'own-request')
    expectProblem(await decide(id, 'approve', await vault.staffToken('billing')), 403, 'scope-missing')
    await expect(vault.database.sql('UPDATE approvals SET decided_by = caller WHERE id = $1', [id])).rejects.toThrow(
      /approvals_by_another/,
    )
    await request()
  })

  it('of another site sees and decides nothing', async () => {
    const id = await request()
    const elsewhere = await vault.staffToken('privacy-officer', { site: 'berlin' })
    expectProblem(await decide(id, 'approve', elsewhere), 404, 'approval-not-found')
    expectProblem(await look(`/${id}`, elsewhere), 404, 'approval-not-found')
    expect((await look('', elsewhere)).body.approvals).toEqual([])
  })

  it('is one: two decisions at the same moment are one', async () => {
    const id = await request()
    const other = await vault.staffToken('privacy-officer', { name: 'Otto' })
    const answers = await Promise.all([decide(id, 'approve'), decide(id, 'refuse', other, second)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(await vault.events({ subject: id })).toHaveLength(2)
  })
})

describe('an approval that was written into the database', () => {
  it.each([
    ['of a pending request', (id: string) => `state = 'approved', decided_by = 'staff:olga' WHERE id = '${id}'`],
    [
      'with a MAC of its own',
      (id: string) => `state = 'approved', mac = decode(repeat('00', 32), 'hex') WHERE id = '${id}'`,
    ],
  ])('%s releases nothing, and is an alert', async (_name, change) => {
    const id = await request()
    await vault.database.sql(`UPDATE approvals SET ${change(id)}`)
    expectProblem(await reveal(), 403, 'approval-required')
    await vi.waitUntil(() => vault.logLines.some((line) => line.includes('approval-changed') && line.includes(id)))
    expect(await vault.events({ type: 'record.reveal', token })).toEqual([])
  })

  it.each([
    ['lasts no longer', "expires_at = now() + interval '1 year'", () => ({})],
    ['is not for other fields', "fields = '{number,holder_name}'", () => ({ fields: ['number', 'holder_name'] })],
  ])('of the vault %s', async (_name, change, body) => {
    const id = await request()
    await decide(id, 'approve')
    await vault.database.sql(`UPDATE approvals SET ${change} WHERE id = $1`, [id])
    expectProblem(await reveal(body()), 403, 'approval-required')
  })
})

describe('breaking the glass', () => {
  beforeEach(() => apply({ approval: true, break_glass: true }))
  const alerts = () =>
    vault.logLines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ alert }) => alert === 'glass-broken')

  it('releases at once with a reason, alarms, and waits for the review of another person', async () => {
    expectProblem(await reveal({ break_glass: true, reason: '' }), 403, 'approval-required')
    const before = alerts().length
    const released = await reveal({ break_glass: true })
    expect(released.body.data).toEqual({ number: cards.visa })
    await vi.waitUntil(() => alerts().length > before)
    const [event] = await vault.events({ type: 'record.reveal', token })
    const id = event!.approval as string
    expect(alerts().at(-1)).toMatchObject({ caller: 'staff:ann', role: 'careful', approval: id })
    const [broken] = await vault.events({ type: 'approval.break-glass', subject: id })
    expect(broken).toMatchObject({ token, fields: ['number'], purpose })

    const waits = async () => (await look()).body.approvals.some((one: { id: string }) => one.id === id)
    vault.clockOffsetMs = 30 * 24 * 60 * MINUTE_MS
    approver = await vault.staffToken('privacy-officer', { name: 'Olga' })
    expect(await waits()).toBe(true)
    expectProblem(await decide(id, 'approve'), 409, 'approval-decided')
    expectProblem(await decide(id, 'review', await vault.staffToken('careful', { name: 'Ann' })), 403, 'own-request')
    expect((await look(`/${id}`)).body).toMatchObject({ state: 'unreviewed', reason })
    expect((await decide(id, 'review')).body).toEqual({ id, state: 'reviewed' })
    expect(await waits()).toBe(false)
    expect(await vault.events({ type: 'approval.review', subject: id })).toHaveLength(1)
  })

  it('is not for a role that may not', async () => {
    await apply({ approval: true })
    const before = alerts().length
    expectProblem(await reveal({ break_glass: true }), 403, 'approval-required')
    expect(alerts()).toHaveLength(before)
  })

  it('is not done for a caller who has an approval', async () => {
    await decide(await request(), 'approve')
    const before = alerts().length
    expect((await reveal({ break_glass: true })).status).toBe(200)
    expect(alerts()).toHaveLength(before)
  })
})

it('a reason that was sealed moves with a rotation of the keys, and goes with the record', async () => {
  const parts = await vault.tokenize({ contact })
  const id = (await reveal({ fields: ['email'] }, asker, parts.contact!.token)).body.approval
  const { done } = (await vault.rotate('data')) as { done?: boolean }
  expect(done ?? true).toBe(true)
  expect((await look(`/${id}`)).body.reason).toBe(reason)
  await vault.call('DELETE', `/v1/tokens/${parts.contact!.token}`, { token: approver })
  const left = await vault.database.sql('SELECT event FROM readable.reveal_reasons WHERE event = $1', [id])
  expect(left).toEqual([])
})
