import { consumeOrRefuse } from '../../access/limits/budget.ts'
import type { Caller } from '../../access/policy/caller.ts'
import { type Circumstances, stricter } from '../../access/policy/condition.ts'
import { decideReveal, seesBin } from '../../access/policy/grant.ts'
import type { Purpose } from '../../access/policy/purpose.ts'
import type { Budget } from '../../access/policy/roles.ts'
import type { Details } from '../../kinds/kind.ts'
import { type KindName, kindNames } from '../../kinds/registry.ts'
import { type Agreement, agreementsOf } from '../../policies/agreement.ts'
import type { PolicySet, PublishedPolicy } from '../../policies/policy.ts'
import { requirePurpose } from '../../policies/require-purpose.ts'
import type { RecordDeps } from '../../records/dependencies.ts'
import { keptPartContext, type StoredRecord } from '../../records/record/record.ts'
import { maskedView, openDetails, openDisplay, type RecordDisplay } from '../../records/record/sealed-record.ts'
import { pick } from '../../records/reveal/open-planned.ts'
import { Problem } from '../../values/problem.ts'
import { giveWay } from '../../values/time-slice.ts'
import { type KeptVersion, selectKeptVersions } from './kept-version-store.ts'

/** What a shopper is answered for. */
export const REPORT_PURPOSE: Purpose = 'respond-to-query'

/** The fields of each kind that a report shows in full, and the budget of the grants that say so. */
export interface FullFields {
  fields: Partial<Record<KindName, readonly string[]>>
  budget: Budget | undefined
}

/** What the caller may see in full to answer a shopper; what its role does not grant stays masked. */
export function fieldsInFull(caller: Caller, now: Date): FullFields {
  // The shopper's request is the reason and the case.
  const circumstances: Circumstances = { now, reason: true, ticket: true }
  const fields: FullFields['fields'] = {}
  const budgets: (Budget | undefined)[] = []
  for (const kind of kindNames) {
    const decision = decideReveal(caller, kind, REPORT_PURPOSE, undefined, circumstances)
    if (!decision.granted) continue
    fields[kind] = decision.fields
    budgets.push(decision.budget)
  }
  return { fields, budget: budgets.reduce(stricter, undefined) }
}

/** An earlier version of a record, as a report shows it. */
interface HeldVersion {
  version: number
  replaced_at: string
  masked: Record<string, unknown>
  values?: Details
}

/** A record, as a report shows it: what is held, why, since when and under which policy. */
export interface HeldRecord {
  token: string
  kind: KindName
  /** When it was stored, and when it was last corrected. */
  since: string
  updated_at: string
  version: number
  policy_version: string | null
  /** The published policy that it counts under. */
  policy: { version: string; sha256: string } | null
  consents: readonly string[]
  /** Each consent with its time, its wording and where it was given. */
  agreements: readonly Agreement[]
  /** The purposes that the policy names for this kind, each with its legal basis; not those whose consent was not given. */
  why: readonly { purpose: string; legal_basis: string }[]
  masked: Record<string, unknown>
  /** Only in a report in full: the fields that the caller may see. */
  values?: Details
  earlier_versions: readonly HeldVersion[]
}

/** One that does not open hides no other. */
export interface DamagedRecord {
  token: string
  kind: KindName
  code: 'record-integrity'
}

export type HeldDeps = Pick<RecordDeps, 'budgets' | 'database' | 'erasures' | 'keys' | 'kinds' | 'policies'>

/** What a report shows. */
interface Shown {
  caller: Caller
  /** What is shown in full; undefined for masked views alone. */
  full: FullFields | undefined
  policies: PolicySet
}

/**
 * Opens records and their earlier versions, after they are counted.
 *
 * @param full what is shown in full; undefined for masked views alone
 * @throws {Problem} budget-spent
 */
export async function openHeld(
  deps: HeldDeps,
  caller: Caller,
  records: readonly StoredRecord[],
  full: FullFields | undefined,
): Promise<(HeldRecord | DamagedRecord)[]> {
  const tokens = records.map(({ token }) => token)
  const purpose = full && REPORT_PURPOSE
  if (tokens.length === 0) await deps.budgets.requireRoom(caller, purpose, full?.budget)
  else await consumeOrRefuse(deps.budgets, caller, purpose, tokens, full?.budget)
  const kept = await selectKeptVersions(deps.database, tokens)
  const shown = { caller, full, policies: await deps.policies.at(caller.policies) }
  const versionsOf = Map.groupBy(kept, ({ token }) => token)
  const held: (HeldRecord | DamagedRecord)[] = []
  for (const record of records) {
    await giveWay()
    held.push(await openUnlessChanged(deps, shown, record, versionsOf.get(record.token) ?? []))
  }
  return held
}

async function openUnlessChanged(
  deps: HeldDeps,
  shown: Shown,
  record: StoredRecord,
  versions: readonly KeptVersion[],
): Promise<HeldRecord | DamagedRecord> {
  try {
    return await openRecord(deps, shown, record, versions)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'record-integrity') throw error
    return { token: record.token, kind: record.kind, code: error.code }
  }
}

async function openRecord(
  deps: HeldDeps,
  { caller, full, policies }: Shown,
  record: StoredRecord,
  versions: readonly KeptVersion[],
): Promise<HeldRecord> {
  const { token, kind, policyVersion, consents } = record
  const policy = policies.of(policyVersion)
  const names = mayBeShown(deps, policies, record) ? full?.fields[kind] : undefined
  const options = { bin: seesBin(caller) }
  const display = await openDisplay(deps.keys, record)
  const shown = maskedView(deps.kinds, record, display, options)
  const {
    token: _token,
    kind: _kind,
    customer: _customer,
    policy_version: _policy,
    ...facts
  } = shown as typeof shown & {
    customer?: string
    policy_version?: string
  }
  const { version, created_at, updated_at, ...masked } = facts
  const earlier: HeldVersion[] = []
  for (const one of versions) earlier.push(await openVersion(deps, one, names, options))
  return {
    ...{ token, kind, since: created_at, updated_at, version },
    policy_version: policyVersion ?? null,
    policy: policy ? { version: policy.version, sha256: policy.sha256 } : null,
    consents,
    agreements: agreementsOf(record, display, policies),
    why: reasonsIn(policy, record),
    masked,
    ...(names && { values: pick(deps.kinds[kind], await openDetails(deps.keys, record), names) }),
    earlier_versions: earlier,
  }
}

/** Whether the shopper was told that their data serve to answer them, and no hold keeps an erased record for something else. */
function mayBeShown({ erasures }: Pick<HeldDeps, 'erasures'>, policies: PolicySet, record: StoredRecord): boolean {
  try {
    requirePurpose(policies, REPORT_PURPOSE, record)
    erasures.requireUnrestricted(record.token, REPORT_PURPOSE)
    return true
  } catch (error) {
    if (error instanceof Problem) return false
    throw error
  }
}

function reasonsIn(policy: PublishedPolicy | undefined, { consents, kind }: StoredRecord): HeldRecord['why'] {
  const purposes = Object.entries(policy?.purposes ?? {}).filter(
    ([purpose, { consent, data }]) => data.includes(kind) && (!consent || consents.includes(purpose)),
  )
  return purposes.map(([purpose, { legal_basis }]) => ({ purpose, legal_basis }))
}

async function openVersion(
  { keys, kinds }: HeldDeps,
  kept: KeptVersion,
  names: readonly string[] | undefined,
  options: { bin: boolean },
): Promise<HeldVersion> {
  const { kind, version, replacedAt } = kept
  const { shown, use } = await openPart<RecordDisplay>(keys, kept, 'display')
  return {
    version,
    replaced_at: replacedAt.toISOString(),
    masked: { ...(use === undefined ? {} : { use }), ...kinds[kind].mask(shown, options) },
    ...(names && { values: pick(kinds[kind], await openPart<Details>(keys, kept, 'secret'), names) }),
  }
}

async function openPart<T>(keys: HeldDeps['keys'], kept: KeptVersion, part: 'display' | 'secret'): Promise<T> {
  const plaintext = await keys.open(kept[part], keptPartContext(kept, part, kept.replacedAt))
  const value = JSON.parse(plaintext.toString('utf8')) as T
  plaintext.fill(0)
  return value
}
