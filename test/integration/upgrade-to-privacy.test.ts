import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HeldRecord } from '../../src/privacy/report/held-records.ts'
import { askForReport, reportOn } from '../support/customer-report.ts'
import { BEFORE_PRIVACY, readOldVaultFacts } from '../support/old-vault.ts'
import { adoptPolicy, publishPolicy, shippedPolicy } from '../support/policies.ts'
import { expectProblem } from '../support/problems.ts'
import { roleFile } from '../support/role-files.ts'
import { checkout, person } from '../support/samples.ts'
import type { TestVault } from '../support/test-vault.ts'
import { UpgradedVault } from '../support/upgraded-vault.ts'

/** What a vault of before held, with consents and versions that no one had published, under the policies that are published now. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000
const facts = readOldVaultFacts(BEFORE_PRIVACY)
const agreed = facts.agreed!
const unversioned = facts.unversioned!
const version = agreed.policy_version
const contact = facts.order.answer.contact!.token
const card = facts.order.answer.card!.token

let upgraded: UpgradedVault
let vault: TestVault

beforeAll(async () => {
  upgraded = await UpgradedVault.start(BEFORE_PRIVACY)
  vault = upgraded.vault
})
afterAll(() => upgraded?.stop())

async function reveal(token: string, role: 'marketing' | 'support' | 'billing', purpose: string) {
  const bearer = await vault.staffToken(role)
  return vault.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body: { purpose } })
}

it('everything is as before until a policy is published', async () => {
  expect((await reveal(agreed.token, 'marketing', 'marketing')).body.data.email).toBe(person.email)
  expectProblem(await reveal(contact, 'marketing', 'marketing'), 403, 'consent-missing')
  for (const token of [contact, unversioned]) {
    expect((await reveal(token, 'support', 'respond-to-query')).status).toBe(200)
  }
  const shop = await vault.clientToken(['tokenize'])
  const body = { contact: checkout.contact, policy_version: 'any' }
  expect((await vault.call('POST', '/v1/tokenize', { token: shop, body })).status).toBe(201)
  expect(await vault.commands.verifyRetention()).toMatchObject({ ok: true, overdue: 0 })
})

describe('once the version that its records name is published', () => {
  beforeAll(async () => {
    const { 'store-card': storeCard, ...others } = shippedPolicy.purposes
    const purposes = { ...others, 'store-card': { ...storeCard!, retention_days: { card: 1 } } }
    await publishPolicy(vault, { version, purposes })
  })

  it('roles that were applied before are as they were, until an operator applies others', async () => {
    const officer = () => vault.staffToken('privacy-officer')
    const ask = async () => askForReport(vault, await officer(), { customer: agreed.customer })
    expectProblem(await ask(), 403, 'scope-missing')
    await vault.commands.applyRoles(OPERATOR, roleFile({}))
    expect((await ask()).status).toBe(200)
  })

  it('they count as shown that version, and others only once one is adopted', async () => {
    const officer = await vault.staffToken('privacy-officer')
    const { report } = await reportOn(vault, officer, { customer: agreed.customer })
    const [held] = report.records as HeldRecord[]
    expect(held).toMatchObject({ token: agreed.token, policy: { version }, consents: ['marketing'] })
    expect(held!.why).toContainEqual({ purpose: 'marketing', legal_basis: 'consent' })
    const { publishedRecord, unpublishedRecord } = await policiesOf()
    expect([publishedRecord, unpublishedRecord]).toEqual([version, undefined])
    await adoptPolicy(vault, version)
    expect((await policiesOf()).unpublishedRecord).toBe(version)
    expect((await reveal(unversioned, 'support', 'respond-to-query')).status).toBe(200)
  })

  async function policiesOf() {
    const { of } = await vault.commands.readPolicies()
    return { publishedRecord: of(version)?.version, unpublishedRecord: of(undefined)?.version }
  }

  it('a consent of before can be withdrawn, and holds no longer', async () => {
    const token = await vault.clientToken(['consent:write'])
    const body = { customer: agreed.customer, withdraw: ['marketing'] }
    const answer = await vault.call('POST', '/v1/customers/consents', { token, body })
    expect(answer.body, answer.text).toMatchObject({ changed: 1 })
    expectProblem(await reveal(agreed.token, 'marketing', 'marketing'), 403, 'consent-missing')
  })

  it('a hold keeps a card of before, and retention erases it once the hold is released', async () => {
    const hold = {
      token: card,
      purpose: 'enforce-rights',
      reason: 'Case 1',
      reviewAt: new Date(Date.now() + 400 * DAY),
    } as const
    await vault.commands.addHold(OPERATOR, hold)
    const { plan } = await vault.commands.planRetention(OPERATOR)
    await vault.commands.enableRetention(OPERATOR, plan)
    const before = vault.clockOffsetMs
    vault.clockOffsetMs += 122 * DAY
    try {
      const control = { onProgress: () => {}, signal: new AbortController().signal }
      expect(await vault.commands.runRetention(OPERATOR, control)).toMatchObject({ held: 1 })
      expect((await reveal(card, 'billing', 'process-payment')).status).toBe(200)
      expect(await vault.commands.releaseHold(OPERATOR, card)).toMatchObject({ isErased: true })
      expectProblem(await reveal(card, 'billing', 'process-payment'), 410, 'record-gone')
    } finally {
      vault.clockOffsetMs = before
    }
  })

  it('everything that is left opens and agrees with the log', async () => {
    const control = { onFinding: () => {}, onProgress: () => {} }
    expect(await vault.commands.verifyRecords(OPERATOR, control)).toMatchObject({ ok: true })
  })
})
