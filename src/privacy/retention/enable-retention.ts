import type { AccessLedger } from '../../access/ledger/access-ledger.ts'
import { retentionSubject, scopeOfRetention } from '../../access/ledger/ledger-subject.ts'
import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database } from '../../database/database.ts'
import type { CurrentPolicies } from '../../policies/current-policies.ts'
import { RetentionRefused } from './plan-retention.ts'
import { planOf, scopesOf } from './rules.ts'

export interface EnableRetentionDeps {
  database: Database
  ledger: AccessLedger
  policies: Pick<CurrentPolicies, 'refresh'>
  newAuditEvent: NewAuditEvent
}

/**
 * Lets servers erase what is due by the rules that a dry run has shown, and by no others: a version that is published
 * later is enabled by itself.
 *
 * @param plan what the dry run has named the rules
 * @throws {RetentionRefused} when the rules are others by now
 * @throws {Problem} sealed, audit-unavailable
 */
export async function enableRetention(
  { database, ledger, policies, newAuditEvent }: EnableRetentionDeps,
  operator: AuditCaller,
  plan: string,
): Promise<{ scopes: string[] }> {
  return database.transaction(async (tx) => {
    await ledger.hold(tx)
    const set = await policies.refresh(tx)
    const scopes = scopesOf(set)
    if (scopes.size === 0) throw new RetentionRefused('no privacy policy is in force: publish one first.')
    if (planOf(set) !== plan) {
      throw new RetentionRefused(
        'the rules in force have another name: look at them with "strongroom retention run --dry-run", and give the name that it shows.',
      )
    }
    const wanted = [...scopes].map(([scope, state]) => ({ subject: retentionSubject(scope), state }))
    await ledger.record(tx, (state) => wanted.filter((change) => state.get(change.subject) !== change.state))
    const facts = { type: 'retention.enable', outcome: 'success', caller: operator } as const
    await insertEvents(tx, [newAuditEvent({ ...facts, subject: `retention:${plan}`, count: scopes.size })])
    return { scopes: [...scopes.keys()] }
  })
}

/** Keeps servers from erasing anything by the policies, from their next page on. */
export async function disableRetention(
  { database, ledger, newAuditEvent }: Omit<EnableRetentionDeps, 'policies'>,
  operator: AuditCaller,
): Promise<{ scopes: string[] }> {
  return database.transaction(async (tx) => {
    await ledger.hold(tx)
    let scopes: string[] = []
    await ledger.record(tx, (state) => {
      scopes = [...state.keys()].flatMap((subject) => scopeOfRetention(subject) ?? [])
      return scopes.map((scope) => ({ subject: retentionSubject(scope), state: null }))
    })
    const facts = { type: 'retention.disable', outcome: 'success', caller: operator } as const
    await insertEvents(tx, [newAuditEvent({ ...facts, count: scopes.length })])
    return { scopes }
  })
}
