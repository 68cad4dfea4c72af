import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { shippedPolicy, shippedPolicyFile } from '../../../test/support/policies.ts'
import { agreedTo, agreementsOf } from '../../policies/agreement.ts'
import { type PublishedPolicy, policySet } from '../../policies/policy.ts'
import { parsePolicyFile } from '../../policies/policy-file.ts'
import { type ConsentRequest, changeConsentsOf } from './consent-change.ts'

const START = new Date('2026-11-01T10:00:00Z')
const at = new Date('2026-11-30T10:00:00Z')
const { policy: parsed, text, sha256 } = parsePolicyFile(shippedPolicyFile)
const policy: PublishedPolicy = { ...parsed, text, sha256, publishedAt: START }
const set = policySet('r', [policy], undefined)
const record = { consents: ['marketing'], policyVersion: policy.version, createdAt: START }
const request = (changes: Partial<ConsentRequest>): ConsentRequest => ({
  customer: 'c',
  give: [],
  withdraw: [],
  ...changes,
})
const change = (changes: Partial<ConsentRequest>, kept = {}, of = record) =>
  changeConsentsOf(of, kept, request(changes), { policies: set, at })
const agreed = (consent: string, time: Date) => agreedTo(set, { consent, policyVersion: policy.version, at: time })
const { wording } = agreed('marketing', START)
const { description } = shippedPolicy.purposes.marketing!

describe('what a record remembers of a consent that came with the checkout', () => {
  it('is the time of the record, the wording and the basis of its version, and where it came from', () => {
    const facts = { consent: 'marketing', at: START.toISOString(), wording, policy_version: policy.version }
    const expected = { ...facts, basis: 'consent', source: 'checkout' }
    expect(wording).toBe(hash('sha256', description!, 'hex'))
    expect(agreementsOf(record, {}, set)).toEqual([expected])
    expect(agreementsOf(record, { via: 'session' }, set)).toEqual([{ ...expected, source: 'session' }])
  })

  it('has no wording under a version that is not published, or for a consent that no version has', () => {
    const [one] = agreementsOf({ ...record, policyVersion: 'v0' }, {}, set)
    expect(one).toMatchObject({ wording: undefined, basis: 'consent' })
    const [other] = agreementsOf({ ...record, consents: ['constructor'] }, {}, set)
    expect(other).toMatchObject({ consent: 'constructor', wording: undefined })
  })

  it('has no wording of a version that was published after it, or was adopted for it, but its basis', () => {
    const later = { ...policy, publishedAt: new Date(START.getTime() + 1) }
    const unknown = { wording: undefined, policy_version: undefined, basis: 'consent' }
    expect(agreementsOf(record, {}, policySet('r', [later], undefined))[0]).toMatchObject(unknown)
    const adopting = policySet('r', [policy], policy.version)
    expect(agreementsOf({ ...record, policyVersion: undefined }, {}, adopting)[0]).toMatchObject(unknown)
    expect(agreementsOf({ ...record, policyVersion: 'v0' }, {}, adopting)[0]).toMatchObject(unknown)
    const { marketing, ...others } = policy.purposes
    const basis = 'legitimate-interest' as const
    const based = { ...policy, purposes: { ...others, marketing: { ...marketing!, legal_basis: basis } } }
    const [one] = agreementsOf({ ...record, policyVersion: 'v0' }, {}, policySet('r', [based], policy.version))
    expect(one).toMatchObject({ wording: undefined, basis })
  })

  it('has no wording where its version has no words for it', () => {
    const { description: _, ...silent } = policy.purposes.marketing!
    const without = { ...policy, purposes: { ...policy.purposes, marketing: silent } }
    const [one] = agreementsOf(record, {}, policySet('r', [without], undefined))
    expect(one).toMatchObject({ wording: undefined, policy_version: policy.version })
  })
})

describe('a change', () => {
  it('gives a consent with its time and wording, beside those that are there', () => {
    const news = change({ give: [{ consent: 'store-card' }] })!
    expect(news).toMatchObject({ consents: ['marketing', 'store-card'], given: ['store-card'], withdrawn: [] })
    expect(news.kept.agreed).toEqual({
      'store-card': { at: at.toISOString(), source: 'api', ...agreed('store-card', at) },
    })
  })

  it('withdraws with all that was remembered', () => {
    const { kept } = change({ give: [{ consent: 'store-card' }] })!
    const news = change({ withdraw: ['store-card', 'unknown'] }, kept, {
      ...record,
      consents: ['marketing', 'store-card'],
    })
    expect(news).toMatchObject({ consents: ['marketing'], given: [], withdrawn: ['store-card'] })
    expect(news!.kept.agreed).toBeUndefined()
  })

  it('leaves what was agreed to before as it was, when the record goes by another version from then on', () => {
    const words = { ...policy.purposes.marketing!, description: 'Other words.' }
    const second = { ...policy, version: 'v2', purposes: { ...policy.purposes, marketing: words }, publishedAt: at }
    const policies = policySet('r', [policy, second], undefined)
    const given = request({ give: [{ consent: 'store-card' }], policyVersion: 'v2' })
    const { kept, consents } = changeConsentsOf(record, { via: 'session' }, given, { policies, at })!
    const [first, news] = agreementsOf({ ...record, consents, policyVersion: 'v2' }, kept, policies)
    const facts = { consent: 'marketing', at: START.toISOString(), source: 'session' }
    expect(first).toMatchObject({ ...facts, wording, policy_version: policy.version })
    expect(news).toMatchObject({ consent: 'store-card', at: at.toISOString(), policy_version: 'v2' })
  })

  it.each<[string, Partial<ConsentRequest>]>([
    ['is there already', { give: [{ consent: 'marketing' }] }],
    ['is there already, in the same wording', { give: [{ consent: 'marketing', wording: wording! }] }],
    ['was not given', { withdraw: ['store-card'] }],
    ['is there already, under the same version', { give: [{ consent: 'marketing' }], policyVersion: policy.version }],
  ])('is none when the consent %s', (_what, changes) => {
    expect(change(changes)).toBeUndefined()
  })

  it.each<[string, Partial<ConsentRequest>]>([
    ['another wording', { give: [{ consent: 'marketing', wording: '0'.repeat(64) }] }],
    ['another version', { give: [{ consent: 'marketing' }], policyVersion: 'v2' }],
  ])('gives a consent once more under %s', (_what, changes) => {
    expect(change(changes)?.given).toEqual(['marketing'])
  })
})
