import { CallerError } from '../../access/ledger/caller-error.ts'
import { type Partner, selectPartners } from '../../access/ledger/partner-store.ts'
import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { authenticateWaiting } from '../../audit/log/authenticate-waiting.ts'
import { type PartnerReleases, selectPartnerReleases } from './partner-report-store.ts'
import type { WithholdingDeps } from './withholding.ts'

/** What one partner was given. */
export interface PartnerReport extends Pick<Partner, 'id' | 'name' | 'country' | 'ends_at' | 'ended_at'> {
  releases: readonly Omit<PartnerReleases, 'partner'>[]
}

export interface SoughtPartners {
  partner?: string | undefined
  since?: Date | undefined
  until?: Date | undefined
}

/**
 * What each partner was given, for what and how often, by the authentic events of the log. That it was looked at is an event.
 *
 * @throws {CallerError} for a partner that does not exist
 */
export async function reportPartners(
  deps: WithholdingDeps,
  operator: AuditCaller,
  sought: SoughtPartners,
): Promise<PartnerReport[]> {
  const { database } = deps
  const partners = (await selectPartners(database)).filter(({ id }) => (sought.partner ?? id) === id)
  if (sought.partner !== undefined && partners.length === 0) throw new CallerError('there is no such partner')
  const { waiting } = await authenticateWaiting(deps)
  const given = Map.groupBy(await selectPartnerReleases(database, sought, waiting), ({ partner }) => partner)
  const reports = partners.map(({ id, name, country, ends_at, ended_at }) => ({
    ...{ id, name, country, ends_at, ended_at },
    releases: (given.get(id) ?? []).map(({ partner: _, ...releases }) => releases),
  }))
  const count = reports.flatMap(({ releases }) => releases).reduce((total, { times }) => total + times, 0)
  const read = { type: 'audit.read', outcome: 'success', caller: operator, subject: 'partners', count } as const
  await deps.writeAuditEvent(deps.newAuditEvent(read))
  return reports
}
