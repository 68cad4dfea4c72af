import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import type { Grant } from '../../src/access/policy/roles.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'enforce-rights'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const alerts = () =>
  vault.logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ alert }) => alert === 'glass-broken')

/** What leaves for a role with these grants, with and without breaking the glass. */
async function release(grants: readonly Grant[]) {
  const careful = { ...conditionalRole({}), grants: [...grants] }
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
  const token = (await vault.tokenize({ card })).card!.token!
  const asker = await vault.staffToken('careful', { name: 'Ann' })
  const reveal = (body: object) =>
    vault.call('POST', `/v1/tokens/${token}/reveal`, { token: asker, body: { purpose, reason: 'Chargeback', ...body } })
  const calm = await reveal({})
  const patient = await reveal({ break_glass: false })
  expect([patient.status, patient.body.code]).toEqual([calm.status, calm.body.code])
  const before = alerts().length
  const broken = await reveal({ break_glass: true })
  expect(broken.status, broken.text).toBe(200)
  await vi.waitUntil(() => alerts().length > before)
  const [event] = await vault.events({ type: 'record.reveal', id: broken.body.event })
  const subject = event!.approval as string
  const [stated] = await vault.events({ type: 'approval.break-glass', subject })
  return { calm: calm.body, broken: broken.body.data, stated: stated!.fields }
}

const urgent: Grant = {
  kind: 'card',
  fields: ['number'],
  purposes: [purpose],
  conditions: { approval: true, break_glass: true },
}

it('alarms for a role that sees a part of the fields without a second person', async () => {
  const released = await release([{ kind: 'card', fields: ['exp_year'], purposes: [purpose] }, urgent])
  expect(released.calm.data).toEqual({ exp_year: card.exp_year })
  expect(released.broken).toEqual({ exp_year: card.exp_year, number: cards.visa })
  expect(released.stated).toEqual(['exp_year', 'number'])
})

it('gives only what may leave so, though an approval would give more', async () => {
  const waits: Grant = { kind: 'card', fields: ['exp_year'], purposes: [purpose], conditions: { approval: true } }
  const released = await release([waits, urgent])
  expect(released.calm.code).toBe('approval-required')
  expect(released.broken).toEqual({ number: cards.visa })
  expect(released.stated).toEqual(['number'])
})
