import { type Agreement, hashOfWording } from '../../policies/agreement.ts'
import { type NotifiedPurpose, type PolicySet, type PublishedPolicy, purposeNamed } from '../../policies/policy.ts'
import { BASIS_TERMS, DATA_TERMS, PURPOSE_TERMS, TERMS_CONTEXT } from '../../policies/policy-terms.ts'
import type { ChangedRecords } from './change-consents.ts'

/** What a receipt is of. */
export interface ReceiptFacts {
  /** That of the event which says that the receipt was signed. */
  id: string
  issuer: string
  customer: string
  site: string
  /** The consents that the call has withdrawn from some record. */
  withdrawn: readonly string[]
}

/** The profile of DPV for receipts. */
const PROFILE = 'https://w3id.org/dpv/schema/dpv-27560#receipt-record'

/**
 * The receipt of a person's consents in the structure of ISO/IEC TS 27560:2023 (header, processing, parties, events), as JSON-LD with
 * terms of DPV. It names each consent that a record of the customer has, and those that were withdrawn.
 */
export function consentReceipt(facts: ReceiptFacts, { records, at, policies }: ChangedRecords) {
  const { id, issuer, customer, site, withdrawn } = facts
  const given = latestConsents(records)
  return {
    '@context': TERMS_CONTEXT,
    '@id': `${issuer}/consent-receipts/${id}`,
    '@type': 'dpv:ConsentReceipt',
    schema_version: 'ISO/IEC TS 27560:2023',
    'dct:conformsTo': PROFILE,
    receipt_id: id,
    issued_at: at.toISOString(),
    iss: issuer,
    iat: Math.floor(at.getTime() / 1000),
    pii_principal_id: customer,
    site,
    pii_processing: given.map(({ agreement, policyVersion }) =>
      processingOf(issuer, agreement, shownWith(agreement, policies) ?? policies.of(policyVersion)),
    ),
    party_identification: partiesOf(policies, given),
    events: [
      ...given.map(({ agreement: { consent, at: time, source, wording } }) => ({
        event_type: 'explicit consent',
        event_state: 'consent given',
        '@type': 'dpv:ConsentGiven',
        event_time: time,
        consent,
        entity_id: customer,
        collection_method: source,
        ...(wording === undefined ? {} : { wording_sha256: wording }),
      })),
      ...withdrawn.map((consent) => ({
        event_type: 'explicit consent',
        event_state: 'consent withdrawn',
        '@type': 'dpv:ConsentWithdrawn',
        event_time: at.toISOString(),
        consent,
        entity_id: customer,
        collection_method: 'api',
      })),
    ],
  }
}

interface GivenUnder {
  agreement: Agreement
  policyVersion: string | undefined
}

/** Each consent once, as it was given last. */
function latestConsents(records: ChangedRecords['records']): GivenUnder[] {
  const latest = new Map<string, GivenUnder>()
  for (const { agreements, policyVersion } of records) {
    for (const agreement of agreements) {
      const known = latest.get(agreement.consent)
      if (known === undefined || known.agreement.at < agreement.at) {
        latest.set(agreement.consent, { agreement, policyVersion })
      }
    }
  }
  return [...latest.values()]
}

/** The version of the policy that the shopper was shown with a consent, as far as that is known. */
function shownWith({ policy_version }: Agreement, { published }: PolicySet): PublishedPolicy | undefined {
  return published.find(({ version }) => version === policy_version)
}

/**
 * Which version the record counts under says what the consent is for. It is the notice, and its description the wording, only where
 * the shopper was shown them.
 */
function processingOf(issuer: string, agreement: Agreement, policy: PublishedPolicy | undefined) {
  const { consent, basis, wording, policy_version } = agreement
  const purpose = purposeNamed(policy, consent)
  const text = purpose?.description
  const isAgreed = text !== undefined && wording === hashOfWording(text)
  const notice = policy?.version === policy_version &&
    policy && {
      privacy_notice: `${issuer}/v1/privacy-policy/${policy.version}`,
      privacy_notice_sha256: policy.sha256,
      language: policy.language ?? 'en',
    }
  if (policy === undefined || purpose === undefined) {
    return { '@type': 'dpv:Process', ...notice, purpose: consent, lawful_basis: BASIS_TERMS[basis] }
  }
  return {
    '@type': 'dpv:Process',
    ...notice,
    purpose: consent,
    purpose_type: PURPOSE_TERMS[consent as NotifiedPurpose],
    ...(isAgreed ? { purpose_description: text } : {}),
    lawful_basis: BASIS_TERMS[basis],
    pii_information: purpose.data.map((kind) => ({ pii_type: kind, '@type': DATA_TERMS[kind] })),
    retention_period: Object.entries(purpose.retention_days).map(([kind, days]) => ({ pii_type: kind, days })),
    recipient_third_parties: purpose.recipients.map((name) => ({ name, ...policy.recipients[name] })),
    withdrawal_method: policy.controller.contact,
  }
}

/** The controllers that the policies name. */
function partiesOf(policies: PolicySet, given: readonly GivenUnder[]) {
  const controllers = given.flatMap(({ policyVersion }) => policies.of(policyVersion)?.controller ?? [])
  const newest = policies.published.at(-1)?.controller
  const named = controllers.length > 0 || newest === undefined ? controllers : [newest]
  return [...new Map(named.map((party) => [party.name, party])).values()].map(({ name, contact, country }) => ({
    party_role: 'dpv:DataController',
    party_name: name,
    party_contact: contact,
    party_country: country,
  }))
}
