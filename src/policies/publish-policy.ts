import type { AccessLedger } from '../access/ledger/access-ledger.ts'
import { policiesText, stateOf } from '../access/ledger/access-macs.ts'
import { CallerError } from '../access/ledger/caller-error.ts'
import { POLICIES_SUBJECT } from '../access/ledger/ledger-subject.ts'
import { insertPolicy, lockPolicies, selectPolicyRows, timeAfter } from '../access/ledger/policy-rows-store.ts'
import type { AuditCaller, NewAuditEvent } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import type { Database, Queryable } from '../database/database.ts'
import type { CurrentPolicies } from './current-policies.ts'
import type { PolicySet } from './policy.ts'
import { parsePolicyFile } from './policy-file.ts'

export interface PublishPolicyDeps {
  database: Database
  policies: CurrentPolicies
  ledger: AccessLedger
  newAuditEvent: NewAuditEvent
  now: () => Date
}

export interface PublishedVersion {
  version: string
  sha256: string
  changed: boolean
}

/**
 * Publishes a version of the privacy policy, together with the event that says so. Every server goes by it from its next request on. A
 * version is never replaced; the same file again changes nothing.
 *
 * @throws {CallerError} for another file of a version that is published, or under a set that was changed outside the vault
 * @throws {Problem} invalid-input with the faults of the file, sealed
 */
export async function publishPolicy(
  { database, policies, ledger, newAuditEvent, now }: PublishPolicyDeps,
  operator: AuditCaller,
  file: string,
): Promise<PublishedVersion> {
  const { policy, sha256 } = parsePolicyFile(file)
  const { version } = policy
  const changed = await database.transaction(async (tx) => {
    await ledger.hold(tx)
    await lockPolicies(tx)
    const set = await requireTrusted(policies, tx)
    const present = set.published.find((one) => one.version === version)
    if (present?.sha256 === sha256) return false
    if (present !== undefined) {
      throw new CallerError(`version ${version} is published with another text: give the new text a new version.`)
    }
    const before = set.published.map(({ publishedAt }) => publishedAt)
    await insertPolicy(tx, { version, document: file, published_at: timeAfter(before, now()) })
    await recordPolicies(ledger, tx)
    const about = { subject: `policy:${version}`, policy_version: version, note: `sha256 ${sha256}` }
    await insertEvents(tx, [newAuditEvent({ type: 'policy.publish', outcome: 'success', caller: operator, ...about })])
    return true
  })
  return { version, sha256, changed }
}

/** Writes the rows as they are in the transaction into the ledger of access. */
export async function recordPolicies(ledger: AccessLedger, tx: Queryable): Promise<void> {
  await ledger.record(tx, [{ subject: POLICIES_SUBJECT, state: stateOf(policiesText(await selectPolicyRows(tx))) }])
}

/** @throws {CallerError} for a set that was changed outside the vault */
export async function requireTrusted(policies: CurrentPolicies, tx: Queryable): Promise<PolicySet> {
  const set = await policies.refresh(tx)
  if (!set.distrusted) return set
  throw new CallerError(
    'the table privacy_policies was changed outside the vault: put its rows back as they were, then run this again.',
  )
}
