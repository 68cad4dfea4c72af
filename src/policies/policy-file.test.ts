import { describe, expect, it } from 'vitest'
import { policyFile, shippedPolicy, shippedPolicyFile } from '../../test/support/policies.ts'
import { purposes } from '../access/policy/purpose.ts'
import { Problem } from '../values/problem.ts'
import type { Policy } from './policy.ts'
import { parsePolicyFile } from './policy-file.ts'

const faultsOf = (file: string) => {
  try {
    parsePolicyFile(file)
    return []
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return error.errors.map(({ pointer }) => pointer)
  }
}
const marketing = shippedPolicy.purposes.marketing!
const withMarketing = (changes: object) =>
  policyFile({ purposes: { marketing: { ...marketing, ...changes } } as Policy['purposes'] })

describe('the shipped policy', () => {
  it('has no fault, and is on the nine purposes and on keeping a card', () => {
    const { policy, text, sha256 } = parsePolicyFile(shippedPolicyFile)
    expect(Object.keys(policy.purposes).sort()).toEqual([...purposes, 'store-card'].sort())
    expect(policy.settlement_days).toBe(120)
    expect(text).toMatch(/^## 1\. What we collect/)
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('a policy file', () => {
  it('has another hash when a byte of its text is another', () => {
    const [one, other] = [policyFile({}, 'One.'), policyFile({}, 'One!')].map((file) => parsePolicyFile(file).sha256)
    expect(one).not.toBe(other)
  })

  it('may begin with the byte order mark of an editor', () => {
    const file = policyFile({}, 'One.')
    const { sha256: _of, ...plain } = parsePolicyFile(file)
    expect(parsePolicyFile(`\ufeff${file}`)).toMatchObject(plain)
    expect(faultsOf(`\ufeff\ufeff${file}`)).toEqual(['#'])
  })

  it.each<[string, string, string[]]>([
    ['without front matter', '# Privacy', ['#']],
    ['with YAML in the place of JSON', '---\nversion: v1\n---\ntext', ['#']],
    ['with a member twice', '---\n{"format": 1, "format": 1}\n---\ntext', ['#']],
    ['without a text', policyFile({}, ' '), ['#']],
    ['that is too long', policyFile({}, 'a'.repeat(200_000)), ['#']],
    ['with an unknown member', policyFile({ extra: 1 } as never), ['#']],
    ['with a version that is no name', policyFile({ version: 'a b' }), ['#/version']],
    ['with the name of the keys as a version', policyFile({ version: 'receipt-keys' }), ['#/version']],
    ['with a card number as a version', policyFile({ version: '4242424242424242' }), ['#/version']],
    [
      'with a country that is none',
      policyFile({ controller: { ...shippedPolicy.controller, country: 'XX' } }),
      ['#/controller/country'],
    ],
    ['with a language that is none', policyFile({ language: 'e' }), ['#/language']],
    ['with no purpose', policyFile({ purposes: {} }), ['#/purposes']],
    ['with an unknown purpose', policyFile({ purposes: { selling: marketing, marketing } as never }), ['#/purposes']],
    ['with an unknown legal basis', withMarketing({ legal_basis: 'because' }), ['#/purposes/marketing/legal_basis']],
    [
      'with consent as the basis and none asked for',
      withMarketing({ consent: undefined }),
      ['#/purposes/marketing/consent'],
    ],
    [
      'that asks no consent for marketing on another basis',
      withMarketing({ consent: undefined, legal_basis: 'legitimate-interest' }),
      ['#/purposes/marketing/consent'],
    ],
    [
      'with a recipient that every object seems to have',
      withMarketing({ recipients: ['constructor'] }),
      ['#/purposes/marketing/recipients/0'],
    ],
    ['with an unknown recipient', withMarketing({ recipients: ['others'] }), ['#/purposes/marketing/recipients/0']],
    [
      'with a recipient twice',
      withMarketing({ recipients: ['affiliates', 'affiliates'] }),
      ['#/purposes/marketing/recipients'],
    ],
    ['without the days of a kind', withMarketing({ retention_days: {} }), ['#/purposes/marketing/retention_days']],
    [
      'with the days of another kind',
      withMarketing({ retention_days: { contact: 1, card: 1 } }),
      ['#/purposes/marketing/retention_days/card'],
    ],
    [
      'with days without an end',
      withMarketing({ retention_days: { contact: 36_526 } }),
      ['#/purposes/marketing/retention_days/contact'],
    ],
    [
      'with data that the policy does not describe',
      policyFile({ data: { card: 'A card' }, purposes: { marketing } }),
      ['#/purposes/marketing/data/0'],
    ],
  ])('%s is refused, with a pointer', (_what, file, pointers) => {
    expect(faultsOf(file)).toEqual(pointers)
  })
})
