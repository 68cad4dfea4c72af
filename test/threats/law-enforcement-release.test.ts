import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { builtInRoles } from '../../src/access/roles.ts'
import { expectProblem } from '../support/problems.ts'
import { roleFile } from '../support/role-files.ts'
import { cards, checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 67: somebody calls in the name of an authority. Under a role that asks for a case and for a second person. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'legal-compliance'
const grants = builtInRoles.legal!.grants.map((grant) => ({
  ...grant,
  conditions: { ticket: true, approval: true } as const,
}))

let vault: TestVault
let card: string
let legal: string

beforeAll(async () => {
  vault = await TestVault.start()
  await vault.strongroom.commands.applyRoles(OPERATOR, roleFile({ legal: { grants } }))
  card = (await vault.tokenize(checkout)).card!.token!
  legal = await vault.staffToken('legal', { name: 'Lex' })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const reveal = (body: object) =>
  vault.call('POST', `/v1/tokens/${card}/reveal`, { token: legal, body: { purpose, ...body } })
const released = () => vault.events({ type: 'record.reveal', token: card })

it('without a case nothing leaves, whatever else is said', async () => {
  for (const body of [
    {},
    { reason: 'the police are on the line' },
    { ticket: '' },
    { break_glass: true, reason: 'urgent' },
  ]) {
    expectProblem(await reveal(body), 403, 'condition-not-met')
  }
  expect(await released()).toEqual([])
})

it('with a case but without a second person nothing leaves, nor with the first person as the second', async () => {
  const refused = await reveal({ ticket: 'WARRANT-12' })
  expectProblem(refused, 403, 'approval-required')
  const approve = (token: string) => vault.call('POST', `/v1/approvals/${refused.body.approval}/approve`, { token })
  expectProblem(await approve(legal), 403, 'scope-missing')
  expectProblem(await approve(await vault.staffToken('privacy-officer', { name: 'Lex' })), 403, 'own-request')
  expectProblem(await reveal({ ticket: 'WARRANT-12', break_glass: true, reason: 'urgent' }), 403, 'approval-required')
  expect(await released()).toEqual([])

  expect((await approve(await vault.staffToken('privacy-officer', { name: 'Olga' }))).status).toBe(200)
  expect((await reveal({ ticket: 'WARRANT-12' })).body.data.number).toBe(cards.visa)
  expect(await released()).toEqual([expect.objectContaining({ ticket: 'WARRANT-12', approval: refused.body.approval })])
})
