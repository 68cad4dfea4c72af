import { describe, expect, it } from 'vitest'
import { type Policy, type PublishedPolicy, policySet, STORE_CARD } from '../../policies/policy.ts'
import { ADOPTED, cutoffOf, planOf, ruleOf, scopesOf } from './rules.ts'

const base: Policy = {
  format: 1,
  version: 'v1',
  title: 'Privacy',
  controller: { name: 'Shop', contact: 'privacy@shop.example', country: 'SG' },
  data: { card: 'Card', address: 'Address', contact: 'Contact' },
  recipients: {},
  purposes: {
    'process-payment': {
      legal_basis: 'contract',
      data: ['card', 'address'],
      recipients: [],
      retention_days: { card: 200, address: 90 },
    },
    'provide-goods': { legal_basis: 'contract', data: ['address'], recipients: [], retention_days: { address: 365 } },
    marketing: {
      legal_basis: 'consent',
      consent: true,
      data: ['contact', 'address'],
      recipients: [],
      retention_days: { contact: 700, address: 700 },
    },
    [STORE_CARD]: {
      legal_basis: 'consent',
      consent: true,
      data: ['card'],
      recipients: [],
      retention_days: { card: 1000 },
    },
  },
}

function published(changes: Partial<PublishedPolicy> = {}): PublishedPolicy {
  return { ...base, sha256: 'aa', text: '', publishedAt: new Date(0), settlement_days: 120, ...changes }
}

const days = (
  kind: 'card' | 'address' | 'contact',
  consents: string[] = [],
  set = policySet('1', [published()], undefined),
) => ruleOf(set, { kind, policyVersion: 'v1', consents })?.days

describe('how long a record is kept', () => {
  it('is as long as the longest purpose that needs it', () => {
    expect(days('address')).toBe(365)
  })

  it('counts a purpose with consent only where it was given', () => {
    expect(days('address', ['marketing'])).toBe(700)
    expect(days('contact')).toBe(0)
    expect(days('contact', ['marketing'])).toBe(700)
  })

  it('is until the settlement for a card without the consent to keep it', () => {
    expect(days('card')).toBe(120)
    expect(days('card', ['marketing'])).toBe(120)
    expect(days('card', [STORE_CARD])).toBe(1000)
    expect(days('card', [], policySet('1', [published({ settlement_days: 30 })], undefined))).toBe(30)
  })

  it('is no shorter for the consent to keep a card where the policy asks for none', () => {
    const { [STORE_CARD]: _, 'process-payment': payment, ...purposes } = base.purposes
    const short = { ...payment!, retention_days: { card: 10, address: 10 } }
    const set = policySet('1', [published({ purposes: { ...purposes, 'process-payment': short } })], undefined)
    expect(days('card', [STORE_CARD], set)).toBe(120)
  })

  it('goes by the adopted version for a record without a published one, which is enabled by itself', () => {
    const adopted = policySet('1', [published(), published({ version: 'v2', sha256: 'bb' })], 'v2')
    for (const policyVersion of [undefined, 'unknown']) {
      expect(ruleOf(adopted, { kind: 'card', policyVersion, consents: [] })).toEqual({ days: 120, scope: ADOPTED })
    }
    expect(ruleOf(adopted, { kind: 'card', policyVersion: 'v2', consents: [] })?.scope).toBe('v2')
    expect([...scopesOf(adopted)]).toEqual([
      ['v1', 'aa'],
      ['v2', 'bb'],
      [ADOPTED, 'bb'],
    ])
  })

  it('has no end before a version was adopted', () => {
    expect(
      ruleOf(policySet('1', [published()], undefined), { kind: 'card', policyVersion: undefined, consents: [] }),
    ).toBeUndefined()
  })

  it('ends so many days after the record was stored', () => {
    const now = new Date('2026-11-30T00:00:00Z')
    expect(cutoffOf({ days: 30, scope: 'v1' }, now)).toEqual(new Date('2026-10-31T00:00:00Z'))
  })

  it('is named by all of its rules', () => {
    const one = policySet('1', [published()], undefined)
    expect(planOf(one)).toMatch(/^[0-9a-f]{16}$/)
    expect(planOf(policySet('2', [published()], undefined))).toBe(planOf(one))
    expect(planOf(policySet('1', [published()], 'v1'))).not.toBe(planOf(one))
    expect(planOf(policySet('1', [published({ sha256: 'bb' })], undefined))).not.toBe(planOf(one))
  })
})
