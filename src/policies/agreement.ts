import { hash } from 'node:crypto'
import { type LegalBasis, type PolicySet, purposeNamed } from './policy.ts'

/** How a consent came to the vault: with a checkout, from the browser of a shopper, or in a call of its own. */
type ConsentSource = 'checkout' | 'session' | 'api'

/** What a record remembers of a consent. */
export interface Agreement {
  consent: string
  /** RFC 3339, in UTC. */
  at: string
  /** SHA-256 of the wording that the shopper agreed to, in hexadecimal; undefined where that is not known. */
  wording: string | undefined
  /** The version of the policy that the shopper was shown with it; undefined where that is not known. */
  policy_version: string | undefined
  source: ConsentSource
  basis: LegalBasis
}

/** What the display part of a record keeps of consents, beside their names, which its seals are bound to. */
export interface KeptAgreements {
  /** Left out: a checkout of the shop. */
  via?: 'session' | undefined
  /** Those that were given after the record was stored, or before its version of the policy became another one, by name. */
  agreed?: Readonly<Record<string, Omit<Agreement, 'consent'>>> | undefined
}

/** What agreements are derived from. */
export interface AgreeingRecord {
  consents: readonly string[]
  policyVersion: string | undefined
  createdAt: Date
}

/**
 * What a record says of each of its consents. One that came with the checkout has the time of the record and the wording of the
 * version that the shopper was shown, which never changes.
 */
export function agreementsOf(
  record: AgreeingRecord,
  { via = undefined, agreed = {} }: KeptAgreements,
  policies: PolicySet,
): Agreement[] {
  const { createdAt: at, policyVersion } = record
  return record.consents.map((consent) => ({
    consent,
    ...(Object.hasOwn(agreed, consent)
      ? agreed[consent]!
      : { at: at.toISOString(), source: via ?? 'checkout', ...agreedTo(policies, { consent, policyVersion, at }) }),
  }))
}

/**
 * The wording and the legal basis of a consent. A wording is that of the version which the shopper was shown, if the vault had
 * published it by then and it has words for the consent. The version that an operator has adopted for records without one gives the
 * basis alone: it was hardly shown.
 */
export function agreedTo(
  policies: PolicySet,
  { consent, policyVersion, at }: { consent: string; policyVersion: string | undefined; at: Date },
): Pick<Agreement, 'wording' | 'policy_version' | 'basis'> {
  const policy = policies.of(policyVersion)
  const purpose = purposeNamed(policy, consent)
  const isShown = policy !== undefined && policy.version === policyVersion && policy.publishedAt <= at
  const text = isShown ? purpose?.description : undefined
  return {
    wording: text === undefined ? undefined : hashOfWording(text),
    policy_version: isShown ? policyVersion : undefined,
    basis: purpose?.legal_basis ?? 'consent',
  }
}

/** SHA-256 of a wording, in hexadecimal. */
export function hashOfWording(text: string): string {
  return hash('sha256', text, 'hex')
}
