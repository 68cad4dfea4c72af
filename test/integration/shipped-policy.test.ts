import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { purposes } from '../../src/access/policy/purpose.ts'
import type { KindName } from '../../src/kinds/registry.ts'
import { STORE_CARD } from '../../src/policies/policy.ts'
import { shippedPolicy, shippedPolicyFile } from '../support/policies.ts'
import { clausesOf } from '../support/policy-clauses.ts'
import { roleFile } from '../support/role-files.ts'
import { card, checkout, contact, shippingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** The promises of the policy that is shipped, for which no other test stands: the clause is in the title. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000
const { version } = shippedPolicy
/** One field of each kind, so that a release needs no more than its grant. */
const FIELDS = { card: 'exp_month', address: 'city', contact: 'email' } as const satisfies Record<KindName, string>
const kinds = Object.keys(FIELDS) as KindName[]

let vault: TestVault
let walker: string

beforeAll(async () => {
  vault = await TestVault.start()
  await vault.commands.publishPolicy(OPERATOR, shippedPolicyFile)
  const grants = kinds.map((kind) => ({ kind, fields: [FIELDS[kind]], purposes }))
  const scopes = kinds.map((kind) => `${kind}:reveal` as const)
  await vault.commands.applyRoles(OPERATOR, roleFile({ support: { scopes, grants, changes: [] } }))
  walker = await vault.staffToken('support')
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

async function store(consents: readonly string[]): Promise<Record<KindName, string>> {
  const { shipping_address } = checkout
  const parts = await vault.tokenize({ card, shipping_address, contact, consents, policy_version: version })
  return { card: parts.card!.token!, address: parts.shipping_address!.token!, contact: parts.contact!.token! }
}

describe('1: what is collected', () => {
  it('the parts of a checkout are the data of the policy, and no other is taken', async () => {
    expect(Object.keys(shippedPolicy.data).toSorted()).toEqual(kinds.toSorted())
    const token = await vault.clientToken(['tokenize'])
    for (const more of [{ birthday: '1990-01-01' }, { contact: { ...contact, passport: 'K1234567' } }]) {
      const body = { ...checkout, policy_version: version, ...more }
      const answer = await vault.call('POST', '/v1/tokenize', { token, body })
      expect([answer.status, answer.body.code], answer.text).toEqual([422, 'unknown-member'])
    }
  })

  it('a telephone number, an e-mail address, both addresses and the card are stored', async () => {
    const { billing_address, shipping_address } = checkout
    const body = { card, billing_address, shipping_address, contact, policy_version: version }
    const stored = await vault.tokenize(body)
    expect(Object.keys(stored).toSorted()).toEqual(['billing_address', 'card', 'contact', 'shipping_address'])
    expect(stored.contact).toMatchObject({ email: expect.any(String), phone: expect.any(String) })
    expect(stored.shipping_address).toMatchObject({ country: shippingAddress.country })
  })
})

describe('2: each purpose', () => {
  it.each(purposes)(
    '%s is for the data that the policy names for it, with consent where it says so',
    async (purpose) => {
      const { data, consent } = shippedPolicy.purposes[purpose]!
      const [agreed, silent] = [await store([...purposes, STORE_CARD]), await store([])]
      const reveal = async (token: string) => {
        const law = { reason: 'A question', ticket: 'CASE-1', authority: 'A court' }
        const body = purpose === 'legal-compliance' ? { purpose, ...law } : { purpose }
        const answer = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: walker, body })
        return answer.status === 200 ? 'released' : answer.body.code
      }
      const released = purpose === 'legal-compliance' ? 'approval-required' : 'released'
      for (const kind of kinds) {
        const isNamed = data.includes(kind)
        expect(await reveal(agreed[kind]), kind).toBe(isNamed ? released : 'purpose-not-notified')
        const without = consent ? 'consent-missing' : released
        expect(await reveal(silent[kind]), kind).toBe(isNamed ? without : 'purpose-not-notified')
      }
    },
  )

  it('the page and the JSON say of each purpose its data, its legal basis and how long it is kept for that', async () => {
    const page = await vault.call('GET', '/v1/privacy-policy', { headers: { accept: 'text/html' } })
    const { body } = await vault.call('GET', '/v1/privacy-policy')
    for (const [name, of] of Object.entries(shippedPolicy.purposes)) {
      const section = page.text.split('<section>').find((one) => one.includes(`<h3><code>${name}</code></h3>`))
      const kept = Object.entries(of.retention_days).map(([kind, days]) => `${kind}: ${days} days`)
      const consent = of.consent ? 'needed' : 'not needed'
      for (const text of [of.description!, of.legal_basis.replace('-', ' '), `<dd>${consent}</dd>`, ...kept])
        expect(section, name).toContain(text)
      for (const recipient of of.recipients) expect(section, name).toContain(recipient)
      expect(kept.map((text) => text.split(':')[0])).toEqual(of.data)
      const told = body.purposes.find((one: { purpose: string }) => one.purpose === name)
      expect(told).toMatchObject({ legal_basis: of.legal_basis, retention_days: of.retention_days })
    }
  })
})

describe('4: who may be told', () => {
  it('the page names each class of recipients and the countries that they are in', async () => {
    const page = await vault.call('GET', '/v1/privacy-policy', { headers: { accept: 'text/html' } })
    for (const [name, { description, countries }] of Object.entries(shippedPolicy.recipients)) {
      const row = page.text.split('<tr>').find((one) => one.startsWith(`<td>${name}: `))
      for (const text of [description, countries.join(', ')]) expect(row, name).toContain(text)
    }
  })
})

describe('7: what a shopper may ask for', () => {
  it.each(['access', 'correct', 'erase', 'object', 'withdraw'])(
    'a request of the kind %s has a deadline',
    async (kind) => {
      const token = await vault.staffToken('privacy-officer')
      const body = { kind, customer: 'cus_who_asks' }
      const answer = await vault.call('POST', '/v1/requests', { token, body })
      expect(answer.body, answer.text).toMatchObject({ kind, state: 'open' })
      expect(Date.parse(answer.body.due_at)).toBeGreaterThan(Date.now())
    },
  )

  it('the page says who to write to, and every sentence of the policy', async () => {
    const page = await vault.call('GET', '/v1/privacy-policy', { headers: { accept: 'text/html' } })
    const { name, contact: at, country } = shippedPolicy.controller
    for (const text of [name, at, country]) expect(page.text).toContain(text)
    const shown = page.text.replaceAll(/\s+/g, ' ')
    for (const { words } of clausesOf(shippedPolicyFile).sentences) expect(shown).toContain(words)
  })
})

describe('5 and 8: how long', () => {
  it('a card goes 120 days after its order unless its shopper agreed, and the rest when no purpose needs it', async () => {
    await store([])
    await store([STORE_CARD])
    await store(['marketing'])
    const dueAfter = async (days: number) => {
      vault.clockOffsetMs = days * DAY
      const { classes } = await vault.commands.planRetention(OPERATOR)
      const due = classes.filter(({ of, due: count }) => of.policyVersion === version && count > 0)
      return new Set(due.map(({ of }) => `${of.kind} ${of.consents.join(' ')}`.trim()))
    }
    const isDue = async (days: number) => {
      const due = await dueAfter(days)
      return {
        card: due.has('card'),
        stored: due.has(`card ${STORE_CARD}`),
        address: due.has('address'),
        contact: due.has('contact'),
      }
    }
    const none = { card: false, stored: false, address: false, contact: false }
    expect(await isDue(119)).toEqual(none)
    expect(await isDue(121)).toEqual({ ...none, card: true })
    expect(await isDue(729)).toEqual({ ...none, card: true })
    expect(await isDue(731)).toEqual({ ...none, card: true, address: true, contact: true })
    expect(await isDue(1094)).toMatchObject({ stored: false })
    expect(await isDue(1096)).toMatchObject({ stored: true })
  })
})
