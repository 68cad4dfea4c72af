import { type Purpose, purposes } from '../access/policy/purpose.ts'
import type { KindName } from '../kinds/registry.ts'

/** The legal bases of article 6(1) of the GDPR, from (a) to (f). */
export const legalBases = [
  'consent',
  'contract',
  'legal-obligation',
  'vital-interest',
  'public-task',
  'legitimate-interest',
] as const

export type LegalBasis = (typeof legalBases)[number]

/** To keep a card beyond its order. It is a consent of its own, and nothing is released for it. */
export const STORE_CARD = 'store-card'

/** What a policy may name as a purpose: those of releases, and that of keeping a card. */
export type NotifiedPurpose = Purpose | typeof STORE_CARD

export const notifiedPurposes: readonly NotifiedPurpose[] = [...purposes, STORE_CARD]

/** What a version of the privacy policy says of one purpose. */
export interface PolicyPurpose {
  legal_basis: LegalBasis
  /** Whether a record must carry the consent of this name. */
  consent?: true | undefined
  /** The kinds of records that are used for it. */
  data: readonly KindName[]
  /** Names of `recipients`. */
  recipients: readonly string[]
  /** How long a record of a kind may be kept for it, counted from its storing. */
  retention_days: Readonly<Partial<Record<KindName, number>>>
  description?: string | undefined
}

/** A class of parties that data is disclosed to. */
interface Recipients {
  description: string
  /** ISO 3166-1 alpha-2. */
  countries: readonly string[]
}

/** The machine-readable part of one version of the privacy policy. */
export interface Policy {
  format: 1
  version: string
  title: string
  controller: { name: string; contact: string; country: string }
  /** The language of the text, as a BCP 47 tag; left out: English. */
  language?: string | undefined
  /** What is collected, in words, by kind. */
  data: Readonly<Partial<Record<KindName, string>>>
  /** Anything else is not notified. */
  purposes: Readonly<Partial<Record<NotifiedPurpose, PolicyPurpose>>>
  recipients: Readonly<Record<string, Recipients>>
  /** How long a card is kept after tokenize without the consent `store-card`; left out: 120. */
  settlement_days?: number | undefined
}

/** What a policy says of a purpose by its name, which may be any text. */
export function purposeNamed(policy: Policy | undefined, name: string): PolicyPurpose | undefined {
  return policy && Object.hasOwn(policy.purposes, name) ? policy.purposes[name as NotifiedPurpose] : undefined
}

/** A version as it was published. */
export interface PublishedPolicy extends Policy {
  /** SHA-256 of the whole file, in hexadecimal. */
  sha256: string
  /** The text for people, in Markdown. */
  text: string
  publishedAt: Date
  settlement_days: number
}

/** In the path of the public keys of receipts, where a version would be. */
export const RECEIPT_KEYS = 'receipt-keys'

/** A card is charged back or refunded within this time. */
export const SETTLEMENT_DAYS = 120

/** Every version that is published, at one moment. */
export interface PolicySet {
  /** Names the set: what the database says when it holds it. */
  revision: string
  /** In the order in which they were published. */
  published: readonly PublishedPolicy[]
  /** The version that other records count as; undefined before an operator has adopted one. */
  adopted: PublishedPolicy | undefined
  /** The set was changed outside the vault: it notifies no purpose. */
  distrusted?: true
  /**
   * The policy that a record counts under, by the version that its shopper was shown: that version, or the adopted one for a record
   * without a version and with one that was never published. Undefined before an operator has adopted one.
   */
  of(recordVersion: string | undefined): PublishedPolicy | undefined
}

export function policySet(
  revision: string,
  published: readonly PublishedPolicy[],
  adoptedVersion: string | undefined,
): PolicySet {
  const byVersion = new Map(published.map((policy) => [policy.version, policy]))
  const adopted = adoptedVersion === undefined ? undefined : byVersion.get(adoptedVersion)
  return {
    revision,
    published,
    adopted,
    of: (recordVersion) => (recordVersion === undefined ? undefined : byVersion.get(recordVersion)) ?? adopted,
  }
}

/** Before the first version is published. */
export const NO_POLICIES: PolicySet = policySet('', [], undefined)

/** A set that was changed outside the vault. */
export function distrustedSet(revision: string): PolicySet {
  return { ...policySet(revision, [], undefined), distrusted: true }
}
