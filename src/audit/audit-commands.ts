import type { Database } from '../database/database.ts'
import { deliverLog, type LogDelivery } from './delivery/deliver-log.ts'
import type { AuditCaller } from './event/audit-event.ts'
import type { WriteAuditEvent } from './event/write-audit-event.ts'
import { type FailedCommand, recordFailedCommand } from './failed-command.ts'
import { type LogKey, listLogKeys } from './log/log-keys.ts'
import type { EventPage } from './reading/event-page-store.ts'
import { readEvents } from './reading/read-events.ts'
import { resumeReleases } from './release-gate/resume-releases.ts'
import { type DropEventsRequest, dropEvents } from './retention/drop-events.ts'
import { acknowledgeFinding, type Review, reviewLog } from './review/review-log.ts'
import { type WaiveRestoreDeps, waiveRestore } from './waive-restore.ts'

type DepsOf<Work extends (deps: never, ...rest: never[]) => unknown> = Parameters<Work>[0]

export type AuditCommandDeps = DepsOf<typeof deliverLog> &
  DepsOf<typeof reviewLog> &
  DepsOf<typeof recordFailedCommand> &
  DepsOf<typeof resumeReleases> &
  DepsOf<typeof readEvents> &
  WaiveRestoreDeps &
  Pick<DepsOf<typeof dropEvents>, 'settlements'> & {
    writeAuditEvent: WriteAuditEvent
    signingKeys: () => readonly LogKey[]
    origin: string
    /** How many failed commands have an event each in a minute. */
    failures: { perSource: number; inAll: number }
  }

export type AuditCommands = ReturnType<typeof createAuditCommands>

/** The operator's commands over the log. */
export function createAuditCommands(deps: AuditCommandDeps) {
  const { database, newAuditEvent, now, settlements, writeAuditEvent } = deps
  return {
    listAuditEvents: async (operator: AuditCaller, filter: EventPage) => {
      const { events } = await readEvents(deps, filter, Number.POSITIVE_INFINITY)
      await writeAuditEvent(
        newAuditEvent({ type: 'audit.read', outcome: 'success', caller: operator, count: events.length }),
      )
      return events
    },
    deliverLog: (operator: AuditCaller, delivery: LogDelivery) => deliverLog(deps, operator, delivery),
    reviewLog: (operator: AuditCaller, review: Review) => reviewLog(deps, operator, review),
    acknowledgeFinding: (operator: AuditCaller, review: Review & { finding: string; note: string }) =>
      acknowledgeFinding(deps, operator, review),
    recordFailedCommand: (operator: AuditCaller, failure: FailedCommand) =>
      recordFailedCommand(deps, deps.failures, operator, failure),
    /** @param owner the database as the role that owns the log */
    dropEvents: (owner: Database, operator: AuditCaller, request: DropEventsRequest) =>
      dropEvents({ database: owner, newAuditEvent, now, settlements }, operator, request),
    recordVerification: (operator: AuditCaller, { ok, size }: { ok: boolean; size: number }) =>
      writeAuditEvent(
        newAuditEvent({
          type: 'audit.read',
          outcome: ok ? 'success' : 'failed',
          caller: operator,
          subject: 'verify',
          count: size,
        }),
      ),
    /** Resumes releases after events were found missing. */
    resumeReleases: (operator: AuditCaller) => resumeReleases(deps, operator),
    waiveRestore: (operator: AuditCaller, reason: string) => waiveRestore(deps, operator, reason),
    listLogKeys: () => listLogKeys(database, deps.signingKeys(), deps.origin),
  }
}
