import { CallerError } from '../access/ledger/caller-error.ts'
import { lockPolicies, markPolicyAdopted, selectPolicyRows, timeAfter } from '../access/ledger/policy-rows-store.ts'
import type { AuditCaller } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import { type PublishPolicyDeps, recordPolicies, requireTrusted } from './publish-policy.ts'

/**
 * Says which published version records count as that name none, or one that was never published. The last one that was adopted
 * holds.
 *
 * @throws {CallerError} for a version that is not published, or under a set that was changed outside the vault
 * @throws {Problem} sealed
 */
export async function adoptPolicy(
  { database, policies, ledger, newAuditEvent, now }: PublishPolicyDeps,
  operator: AuditCaller,
  version: string,
): Promise<{ version: string; changed: boolean }> {
  const changed = await database.transaction(async (tx) => {
    await ledger.hold(tx)
    await lockPolicies(tx)
    const { published, adopted } = await requireTrusted(policies, tx)
    if (adopted?.version === version) return false
    if (!published.some((one) => one.version === version)) {
      throw new CallerError('there is no such version: "policy list" names those that are published.')
    }
    const before = (await selectPolicyRows(tx)).map(({ adopted_at }) => adopted_at)
    await markPolicyAdopted(tx, version, timeAfter(before, now()))
    await recordPolicies(ledger, tx)
    const about = { subject: `policy:${version}`, policy_version: version }
    await insertEvents(tx, [newAuditEvent({ type: 'policy.adopt', outcome: 'success', caller: operator, ...about })])
    return true
  })
  return { version, changed }
}
