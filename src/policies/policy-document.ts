import type { KindName } from '../kinds/registry.ts'
import { comparePolicies, type PolicyChange } from './compare-policies.ts'
import type { NotifiedPurpose, PolicyPurpose, PublishedPolicy } from './policy.ts'
import { BASIS_TERMS, DATA_TERMS, PURPOSE_TERMS, TERMS_CONTEXT } from './policy-terms.ts'

/** Which member means which term of DPV or Dublin Core. */
const CONTEXT = {
  ...TERMS_CONTEXT,
  version: 'dct:hasVersion',
  title: 'dct:title',
  language: 'dct:language',
  published_at: 'dct:issued',
  controller: 'dpv:hasDataController',
  name: 'dpv:hasName',
  contact: 'dpv:hasContact',
  country: 'dpv:hasCountry',
  countries: 'dpv:hasCountry',
  purposes: 'dpv:hasPurpose',
  legal_basis_term: { '@id': 'dpv:hasLegalBasis', '@type': '@id' },
  data: 'dpv:hasPersonalData',
  recipients: 'dpv:hasRecipient',
  description: 'dct:description',
} as const

/** A version as anyone may read it: JSON-LD with the terms of DPV. */
export interface PolicyDocument extends Record<string, unknown> {
  version: string
  sha256: string
  published_at: string
  changes?: { since: string; differences: readonly PolicyChange[] }
}

/** @param before the version that was published before it */
export function policyDocument(
  policy: PublishedPolicy,
  before: PublishedPolicy | undefined,
  issuer: string,
): PolicyDocument {
  const purposes = Object.entries(policy.purposes) as [NotifiedPurpose, PolicyPurpose][]
  return {
    '@context': CONTEXT,
    '@id': `${issuer}/v1/privacy-policy/${policy.version}`,
    '@type': 'dpv:PrivacyNotice',
    version: policy.version,
    title: policy.title,
    language: policy.language ?? 'en',
    sha256: policy.sha256,
    published_at: policy.publishedAt.toISOString(),
    controller: { '@type': 'dpv:DataController', ...policy.controller },
    data: (Object.entries(policy.data) as [KindName, string][]).map(([kind, description]) => ({
      kind,
      '@type': DATA_TERMS[kind],
      description,
    })),
    purposes: purposes.map(([purpose, { consent = false, legal_basis, ...of }]) => ({
      purpose,
      '@type': PURPOSE_TERMS[purpose],
      legal_basis,
      legal_basis_term: BASIS_TERMS[legal_basis],
      consent,
      ...of,
    })),
    recipients: Object.entries(policy.recipients).map(([recipients, of]) => ({
      recipients,
      '@type': 'dpv:Recipient',
      ...of,
    })),
    settlement_days: policy.settlement_days,
    ...(before && { changes: { since: before.version, differences: comparePolicies(before, policy) } }),
    text: policy.text,
  }
}
