import { hash } from 'node:crypto'
import { type PolicySet, type PublishedPolicy, STORE_CARD } from '../../policies/policy.ts'
import type { StoredRecord } from '../../records/record/record.ts'

/** What of a record says how long it is kept. */
export type RecordClass = Pick<StoredRecord, 'kind' | 'policyVersion' | 'consents'>

/** How long records of a class are kept. */
export interface Rule {
  days: number
  /** What an operator enables: one version of the policy, or what the adopted one says of other records. */
  scope: string
}

/** The scope of records without a version, and with one that was never published: they go by the adopted version. */
export const ADOPTED = '*'

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * How long a record is kept: as long as the longest of the purposes that need it. A purpose needs it if the record's
 * version of the policy notifies it, uses records of that kind for it, and has the consent that it asks for. A card
 * without the consent to keep it, or under a policy without it, goes when it is settled. Undefined when no policy says anything: the record is kept.
 */
export function ruleOf(policies: PolicySet, record: RecordClass): Rule | undefined {
  const policy = policies.of(record.policyVersion)
  if (policy === undefined) return undefined
  const scope = policy.version === record.policyVersion ? policy.version : ADOPTED
  return { scope, days: daysOf(policy, record) }
}

function daysOf(policy: PublishedPolicy, { kind, consents }: RecordClass): number {
  const isStored = consents.includes(STORE_CARD) && policy.purposes[STORE_CARD] !== undefined
  if (kind === 'card' && !isStored) return policy.settlement_days
  const needed = Object.entries(policy.purposes).flatMap(([name, purpose]) => {
    const isGiven = !purpose.consent || consents.includes(name)
    return isGiven ? [purpose.retention_days[kind] ?? 0] : []
  })
  return Math.max(0, ...needed)
}

/** The time before which a record must have been stored to be due. */
export function cutoffOf({ days }: Rule, now: Date): Date {
  return new Date(now.getTime() - days * DAY_MS)
}

/** What has to be enabled: by scope, what its state in the ledger of access must be. */
export function scopesOf({ published, adopted }: PolicySet): ReadonlyMap<string, string> {
  const versions = published.map(({ version, sha256 }) => [version, sha256] as const)
  return new Map(adopted === undefined ? versions : [...versions, [ADOPTED, adopted.sha256]])
}

/** Names all of the rules: an operator who enables them says which ones a dry run has shown. */
export function planOf(policies: PolicySet): string {
  const lines = [...scopesOf(policies)].map(([scope, state]) => `${scope} ${state}\n`).toSorted()
  return hash('sha256', lines.join(''), 'hex').slice(0, PLAN_DIGITS)
}

/** Enough that no two sets of rules have the same by chance, and few enough to be typed. */
const PLAN_DIGITS = 16
