import { needsConsent, type Purpose } from '../access/policy/purpose.ts'
import type { KindName } from '../kinds/registry.ts'
import { Problem } from '../values/problem.ts'
import type { PolicySet } from './policy.ts'

/** What a record says of the purposes that it may be used for. Its seals are bound to it. */
export interface RecordNotice {
  kind: KindName
  policyVersion: string | undefined
  consents: readonly string[]
}

/** Why a record may not be used for a purpose, or the consent that it must have for it; undefined if it needs none. */
export type PurposeJudgement = { refusal: Problem } | { refusal?: undefined; consent: Purpose | undefined }

/**
 * Whether the shopper was told of the purpose and has agreed where that is needed, whatever a role says. A record that no published
 * policy covers needs the consent alone.
 */
export function judgePurpose(
  policies: PolicySet,
  purpose: Purpose,
  { kind, policyVersion, consents }: RecordNotice,
): PurposeJudgement {
  const policy = policies.of(policyVersion)
  const notified = policy?.purposes[purpose]
  const isNotified = policy === undefined || notified?.data.includes(kind) === true
  if (policies.distrusted || !isNotified) return { refusal: new Problem('purpose-not-notified') }
  if (!needsConsent(purpose) && !notified?.consent) return { consent: undefined }
  return consents.includes(purpose) ? { consent: purpose } : { refusal: new Problem('consent-missing') }
}

/**
 * The same for a release.
 *
 * @returns the consent that the record must still have when its release commits; undefined if it needs none
 * @throws {Problem} purpose-not-notified, consent-missing
 */
export function requirePurpose(...judged: Parameters<typeof judgePurpose>): Purpose | undefined {
  const judgement = judgePurpose(...judged)
  if (judgement.refusal) throw judgement.refusal
  return judgement.consent
}
