import { byName } from '../kinds/registry.ts'
import type { LegalBasis, NotifiedPurpose } from './policy.ts'

/**
 * The terms of the W3C Data Privacy Vocabulary (https://w3id.org/dpv), version 2, for what a policy says. An answer is JSON-LD: its
 * context says which member means which of them.
 */
export const TERMS_CONTEXT = {
  dpv: 'https://w3id.org/dpv#',
  'eu-gdpr': 'https://w3id.org/dpv/legal/eu/gdpr#',
  pd: 'https://w3id.org/dpv/pd#',
  loc: 'https://w3id.org/dpv/loc#',
  dct: 'http://purl.org/dc/terms/',
} as const

/** The purpose of DPV that comes closest to each of the vault's. */
export const PURPOSE_TERMS: Readonly<Record<NotifiedPurpose, string>> = {
  'respond-to-query': 'dpv:CustomerCare',
  'provide-goods': 'dpv:DeliveryOfGoods',
  'process-payment': 'dpv:PaymentManagement',
  communicate: 'dpv:CommunicationManagement',
  'enforce-rights': 'dpv:FraudPreventionAndDetection',
  research: 'dpv:ResearchAndDevelopment',
  marketing: 'dpv:Marketing',
  'legal-compliance': 'dpv:LegalCompliance',
  'other-consented': 'dpv:Purpose',
  'store-card': 'dpv:CustomerManagement',
}

export const BASIS_TERMS: Readonly<Record<LegalBasis, string>> = {
  consent: 'eu-gdpr:A6-1-a',
  contract: 'eu-gdpr:A6-1-b',
  'legal-obligation': 'eu-gdpr:A6-1-c',
  'vital-interest': 'eu-gdpr:A6-1-d',
  'public-task': 'eu-gdpr:A6-1-e',
  'legitimate-interest': 'eu-gdpr:A6-1-f',
}

/** What the records of each kind are. */
export const DATA_TERMS = byName(({ privacyTerms }) => privacyTerms)
