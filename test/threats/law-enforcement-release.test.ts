import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { cards, checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * Attack 67: an attacker calls in the name of an authority. The built-in roles ask for its name, its case and a second
 * person.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'legal-compliance'
const warrant = { ticket: 'WARRANT-12', authority: 'State Courts of Singapore' }

let vault: TestVault
let tokens: Record<'card' | 'contact', string>
let legal: string

beforeAll(async () => {
  vault = await TestVault.start()
  const stored = await vault.tokenize(checkout)
  tokens = { card: stored.card!.token!, contact: stored.contact!.token! }
  legal = await vault.staffToken('legal', { name: 'Lex' })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const reveal = (body: object, token = legal, record = tokens.card) =>
  vault.call('POST', `/v1/tokens/${record}/reveal`, { token, body: { purpose, ...body } })
const decide = async (approval: string, name: string, verdict = 'approve') =>
  vault.call('POST', `/v1/approvals/${approval}/${verdict}`, {
    token: await vault.staffToken('privacy-officer', { name }),
  })
const released = (record = tokens.card) => vault.events({ type: 'record.reveal', token: record })
const pointers = (body: { errors: { pointer: string }[] }) => body.errors.map(({ pointer }) => pointer)

describe('without a case and an authority nothing leaves, with any other members', () => {
  it.each<[object, string[]]>([
    [{}, ['#/ticket', '#/authority']],
    [{ reason: 'the police are on the line' }, ['#/ticket', '#/authority']],
    [{ ticket: '', authority: '' }, ['#/ticket', '#/authority']],
    [{ ticket: warrant.ticket, break_glass: true, reason: 'urgent' }, ['#/authority']],
    [{ authority: warrant.authority }, ['#/ticket']],
  ])('%j', async (body, missing) => {
    const refused = await reveal(body)
    expectProblem(refused, 403, 'condition-not-met')
    expect(pointers(refused.body)).toEqual(missing)
    const [item] = (
      await vault.call('POST', '/v1/reveal', {
        token: legal,
        body: { purpose, ...body, items: [{ token: tokens.card }] },
      })
    ).body.results
    expect(item).toMatchObject({ status: 403, code: 'condition-not-met' })
    expect(await released()).toEqual([])
    expect(await vault.count('approvals')).toBe(0)
  })

  it('and a caller who may not reveal for the law gets that answer first', async () => {
    for (const role of ['billing', 'fraud'] as const) {
      expectProblem(await reveal({}, await vault.staffToken(role)), 403, 'purpose-not-permitted')
    }
  })

  it('what is not a name of a body is not kept', async () => {
    const given = ['x'.repeat(101), 'ann@police.example', '+65 6123 4567', 'Officer 1234567', 'a\nb', '{"x":1}', 7]
    for (const authority of given) expectProblem(await reveal({ ...warrant, authority }), 422, 'invalid-input')
    expectProblem(await reveal({ ...warrant, authority: cards.visa }), 422, 'card-number-in-text')
    expect(await vault.count('approvals')).toBe(0)
  })
})

it('without a second person nothing leaves, nor with the first person as the second', async () => {
  const refused = await reveal(warrant)
  expectProblem(refused, 403, 'approval-required')
  const { approval } = refused.body
  expectProblem(await vault.call('POST', `/v1/approvals/${approval}/approve`, { token: legal }), 403, 'scope-missing')
  expectProblem(await decide(approval, 'Lex'), 403, 'own-request')
  // The role says nothing of glass to break.
  expectProblem(await reveal({ ...warrant, break_glass: true, reason: 'urgent' }), 403, 'approval-required')
  expect(await released()).toEqual([])

  const officer = await vault.staffToken('privacy-officer', { name: 'Olga' })
  const shown = await vault.call('GET', `/v1/approvals/${approval}`, { token: officer })
  expect(shown.body).toMatchObject({ ...warrant, caller: 'staff:lex', purpose, record: { last4: '4242' } })
  expect(shown.text).not.toContain(cards.visa)
  expect((await decide(approval, 'Olga')).status).toBe(200)
  // What was approved is that case of that authority.
  const others = [
    { ...warrant, ticket: 'WARRANT-13' },
    { ...warrant, authority: 'A friend' },
  ]
  for (const other of others) expectProblem(await reveal(other), 403, 'approval-required')
  expect((await reveal(warrant)).body.data.number).toBe(cards.visa)
  expectProblem(await reveal(warrant), 403, 'approval-required')
  expect(await released()).toEqual([expect.objectContaining({ ...warrant, approval })])
  const told = await vault.events({ subject: approval })
  expect(told.map(({ type, authority }) => [type, authority])).toEqual([
    ['approval.request', warrant.authority],
    ['approval.approve', warrant.authority],
  ])
})

it('a privacy officer needs another one', async () => {
  const olga = await vault.staffToken('privacy-officer', { name: 'Olga' })
  const refused = await reveal(warrant, olga, tokens.contact)
  expectProblem(refused, 403, 'approval-required')
  expectProblem(await decide(refused.body.approval, 'Olga'), 403, 'own-request')
  expect((await decide(refused.body.approval, 'Oscar')).status).toBe(200)
  expect((await reveal(warrant, olga, tokens.contact)).status).toBe(200)
})

it('an approval that is rewritten for another case or authority releases nothing, and raises an alert', async () => {
  const { approval } = (await reveal({ ...warrant, ticket: 'CASE-1' })).body
  expect((await decide(approval, 'Olga')).status).toBe(200)
  const before = (await released()).length
  await vault.database.sql("UPDATE approvals SET ticket = 'CASE-2', authority = 'Nobody' WHERE id = $1", [approval])
  const line = vault.logLines.length
  expectProblem(await reveal({ ticket: 'CASE-2', authority: 'Nobody' }), 403, 'approval-required')
  expect(vault.logLines.slice(line).join('')).toContain('"alert":"approval-changed"')
  expect(await released()).toHaveLength(before)
})

describe('under roles that leave all of it out', () => {
  const everything = { purposes: ['legal-compliance', 'enforce-rights'] as const }
  beforeAll(() =>
    vault.commands.applyRoles(
      OPERATOR,
      roleFile({
        careless: conditionalRole({}, everything),
        urgent: conditionalRole({ break_glass: true }, everything),
      }),
    ),
  )

  it('it still holds, for that purpose alone', async () => {
    const careless = await vault.staffToken('careless')
    expect((await reveal({ purpose: 'enforce-rights' }, careless)).status).toBe(200)
    expectProblem(await reveal({}, careless), 403, 'condition-not-met')
    expectProblem(await reveal(warrant, careless), 403, 'approval-required')
    expectProblem(await reveal({ ...warrant, break_glass: true, reason: 'x' }, careless), 403, 'approval-required')
  })

  it('glass is broken only where the role says so, in the name of an authority still, and is an alert', async () => {
    const urgent = await vault.staffToken('urgent')
    expectProblem(await reveal({ break_glass: true, reason: 'x' }, urgent), 403, 'condition-not-met')
    const line = vault.logLines.length
    expect((await reveal({ ...warrant, break_glass: true, reason: 'x' }, urgent)).status).toBe(200)
    expect(vault.logLines.slice(line).join('')).toContain('"alert":"glass-broken"')
  })
})
