import {
  type AgreeingRecord,
  type Agreement,
  agreedTo,
  agreementsOf,
  type KeptAgreements,
} from '../../policies/agreement.ts'
import type { PolicySet } from '../../policies/policy.ts'

/** A consent that a shopper gives. */
interface GivenConsent {
  consent: string
  /** SHA-256 of the wording that the shopper agreed to, in hexadecimal; left out: that of the policy. */
  wording?: string | undefined
}

/** What a shopper changes, parsed. */
export interface ConsentRequest {
  customer: string
  /** The version of the policy that the shopper was shown with it; left out: each record keeps its own. */
  policyVersion?: string | undefined
  give: readonly GivenConsent[]
  withdraw: readonly string[]
}

/** The consents of a record after a change, and what the change was to this record. */
export interface ChangedConsents {
  consents: string[]
  kept: KeptAgreements
  given: string[]
  withdrawn: string[]
}

/**
 * Applies a change to the consents of one record. A consent that is there already stays as it was given, unless the shopper was shown
 * another version or another wording this time. When the record goes by another version from then on, what it says of its other
 * consents is kept as it was. Undefined if nothing changes.
 */
export function changeConsentsOf(
  record: AgreeingRecord,
  kept: KeptAgreements,
  { policyVersion = record.policyVersion, give, withdraw }: ConsentRequest,
  { policies, at }: { policies: PolicySet; at: Date },
): ChangedConsents | undefined {
  const moves = policyVersion !== record.policyVersion
  const before = agreementsOf(record, kept, policies)
  const wordingOf = (name: string) => before.find(({ consent }) => consent === name)?.wording
  const given = give.filter(
    ({ consent, wording }) =>
      moves || !record.consents.includes(consent) || (wording !== undefined && wordingOf(consent) !== wording),
  )
  const withdrawn = record.consents.filter((consent) => withdraw.includes(consent))
  if (given.length + withdrawn.length === 0) return undefined
  const consents = [...new Set([...record.consents, ...given.map(({ consent }) => consent)])].filter(
    (consent) => !withdrawn.includes(consent),
  )
  const news = given.map(({ consent, wording }): [string, Omit<Agreement, 'consent'>] => {
    const by = agreedTo(policies, { consent, policyVersion, at })
    return [consent, { at: at.toISOString(), source: 'api', ...by, wording: wording ?? by.wording }]
  })
  const agreed = moves ? byName(before) : kept.agreed
  const all = Object.entries({ ...agreed, ...Object.fromEntries(news) }).filter(([consent]) =>
    consents.includes(consent),
  )
  return {
    consents,
    kept: { via: kept.via, agreed: all.length === 0 ? undefined : Object.fromEntries(all) },
    given: given.map(({ consent }) => consent),
    withdrawn,
  }
}

function byName(agreements: readonly Agreement[]): NonNullable<KeptAgreements['agreed']> {
  return Object.fromEntries(agreements.map(({ consent, ...rest }) => [consent, rest]))
}
