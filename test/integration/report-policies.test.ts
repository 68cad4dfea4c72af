import { hash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { HeldRecord } from '../../src/privacy/report/held-records.ts'
import { CheckoutShop } from '../support/checkout-shop.ts'
import { reportOn } from '../support/customer-report.ts'
import { adoptPolicy, publishPolicy, purposesWithout, shippedPolicy } from '../support/policies.ts'
import { card, contact, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let officer: string

beforeAll(async () => {
  vault = await TestVault.start()
  officer = await vault.staffToken('privacy-officer')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

it('a report says which policy was shown, its purposes with their legal basis, and each consent with its wording', async () => {
  const { version, sha256 } = await publishPolicy(vault)
  await vault.tokenize({ contact, card, customer: 'cus_policy', policy_version: version, consents: ['store-card'] })
  const { report } = await reportOn(vault, officer, { customer: 'cus_policy' })
  const held = report.records.find(({ kind }) => kind === 'card') as HeldRecord
  const reasons = report.records.map((one) => [one.kind, (one as HeldRecord).why.map(({ purpose }) => purpose)])
  // Nothing is held for a consent that was not given.
  expect(Object.fromEntries(reasons)).toEqual({
    card: ['respond-to-query', 'process-payment', 'enforce-rights', 'legal-compliance', 'store-card'],
    contact: expect.not.arrayContaining(['marketing', 'other-consented']),
  })
  expect(held.policy).toEqual({ version, sha256 })
  expect(held.why).toContainEqual({ purpose: 'process-payment', legal_basis: 'contract' })
  expect(held.agreements).toMatchObject([
    { consent: 'store-card', at: held.since, wording: expect.stringMatching(/^[0-9a-f]{64}$/), source: 'checkout' },
  ])
})

it('values stay masked where the policy does not say that they serve to answer the shopper', async () => {
  const changes = { version: '2027-silent', purposes: purposesWithout('respond-to-query') }
  const { version } = await publishPolicy(vault, changes)
  await vault.tokenize({ contact, customer: 'cus_silent', policy_version: version })
  const identity = { method: 'signed-in', at: '2026-11-24T10:00:00Z', by: 'account page' }
  const body = { kind: 'access', customer: 'cus_silent', identity }
  const { id: request } = (await vault.call('POST', '/v1/requests', { token: officer, body })).body
  const answer = await reportOn(vault, officer, { customer: 'cus_silent', request })
  expect(answer.report.records[0]).not.toHaveProperty('values')
  expect(JSON.stringify(answer)).not.toContain(person.email)
})

describe('what a report says of the consents of a checkout', () => {
  const wording = hash('sha256', shippedPolicy.purposes['store-card']!.description!, 'hex')
  const agreementsOf = async (customer: string) => {
    const { report } = await reportOn(vault, officer, { customer })
    const held = report.records.find(({ kind }) => kind === 'card') as HeldRecord
    return held.agreements.map(({ at, ...one }) => ({ ...one, isOfRecord: at === held.since }))
  }
  const facts = { consent: 'store-card', basis: 'consent', isOfRecord: true }

  it('is its time, source and the wording of the version that was shown, however it came in', async () => {
    const { version: policy_version } = await publishPolicy(vault, { version: 'ways-in' })
    const shown = { ...facts, wording, policy_version }
    const consents = ['store-card']
    await vault.tokenize({ card, customer: 'cus_single', policy_version, consents })
    expect(await agreementsOf('cus_single')).toEqual([{ ...shown, source: 'checkout' }])

    const checkout = await vault.clientToken(['tokenize'])
    const items = [{ card, customer: 'cus_batch', policy_version, consents }]
    expect((await vault.call('POST', '/v1/tokenize/batch', { token: checkout, body: { items } })).status).toBe(200)
    expect(await agreementsOf('cus_batch')).toEqual([{ ...shown, source: 'checkout' }])

    const shop = await CheckoutShop.open(vault)
    const session = await shop.session({ customer: 'cus_session', policy_version, consents })
    expect((await shop.submit(session, { card, consents })).status).toBe(201)
    expect(await agreementsOf('cus_session')).toEqual([{ ...shown, source: 'session' }])
    // A consent that the page asked for and the shopper did not give is none.
    const other = await shop.session({ customer: 'cus_unasked', policy_version, consents })
    expect((await shop.submit(other, { card })).status).toBe(201)
    expect(await agreementsOf('cus_unasked')).toEqual([])
  })

  it('stays as it was when the records go by another version later', async () => {
    const { version: policy_version } = await publishPolicy(vault, { version: 'moved-from' })
    await vault.tokenize({ card, customer: 'cus_moved', policy_version, consents: ['store-card'] })
    const before = await agreementsOf('cus_moved')
    const keeping = { ...shippedPolicy.purposes['store-card']!, description: 'Other words.' }
    const purposes = { ...shippedPolicy.purposes, 'store-card': keeping }
    const { version: later } = await publishPolicy(vault, { version: 'moved-to', purposes })
    const body = { customer: 'cus_moved', give: ['marketing'], policy_version: later }
    expect((await vault.call('POST', '/v1/customers/consents', { token: officer, body })).status).toBe(200)
    const [first, news] = await agreementsOf('cus_moved')
    expect(first).toEqual(before[0])
    expect(first).toMatchObject({ wording, policy_version })
    expect(news).toMatchObject({ consent: 'marketing', source: 'api', policy_version: later, isOfRecord: false })
  })

  it('claims no wording of a version that was adopted for it, or published after it', async () => {
    const other = await TestVault.start()
    try {
      const token = await other.staffToken('privacy-officer')
      const heldOf = async (customer: string) =>
        (await reportOn(other, token, { customer })).report.records[0] as HeldRecord
      const consents = ['store-card']
      await other.tokenize({ card, customer: 'cus_unversioned', policy_version: undefined, consents })
      await other.tokenize({ card, customer: 'cus_early', policy_version: 'later', consents })
      await publishPolicy(other, { version: 'later' })
      await adoptPolicy(other, 'later')
      for (const customer of ['cus_unversioned', 'cus_early']) {
        const held = await heldOf(customer)
        expect(held.policy).toMatchObject({ version: 'later' })
        expect(held.agreements).toEqual([
          { consent: 'store-card', at: held.since, source: 'checkout', basis: 'consent' },
        ])
      }
      const body = { customer: 'cus_unversioned', give: ['marketing'] }
      const { receipt } = (await other.call('POST', '/v1/customers/consents', { token, body })).body
      const text = Buffer.from(receipt.split('.')[1], 'base64url').toString()
      expect(text).toContain('"consent":"store-card"')
      for (const claim of ['privacy_notice', 'wording_sha256', 'purpose_description']) expect(text).not.toContain(claim)
    } finally {
      await other.stop()
    }
  })
})
