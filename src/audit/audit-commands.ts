import type { Database } from '../database/database.ts'
import type { MissingNumbers } from './completeness/number-tracker.ts'
import type { Delivered, deliverLog, LogDelivery } from './delivery/deliver-log.ts'
import type { AuditCaller } from './event/audit-event.ts'
import type { WriteAuditEvent } from './event/write-audit-event.ts'
import type { FailedCommand, recordFailedCommand } from './failed-command.ts'
import type { LogKey, LogKeyReport } from './log/log-keys.ts'
import type { EventPage } from './reading/event-page-store.ts'
import type { ReadEvents, readEvents } from './reading/read-events.ts'
import type { resumeReleases } from './release-gate/resume-releases.ts'
import type { DropEventsRequest, DroppedEvents, dropEvents } from './retention/drop-events.ts'
import type { Review, reviewLog } from './review/review-log.ts'
import type { Finding } from './review/review-rules.ts'
import type { WaivedRestore, WaiveRestoreDeps } from './waive-restore.ts'

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

/** The operator's commands over the log. */
export interface AuditCommands {
  listAuditEvents(operator: AuditCaller, filter: EventPage): Promise<ReadEvents['events']>
  deliverLog(operator: AuditCaller, delivery: LogDelivery): Promise<Delivered>
  reviewLog(operator: AuditCaller, review: Review): Promise<Finding[]>
  acknowledgeFinding(operator: AuditCaller, review: Review & { finding: string; note: string }): Promise<Finding>
  recordFailedCommand(operator: AuditCaller, failure: FailedCommand): Promise<boolean>
  /** @param owner the database as the role that owns the log */
  dropEvents(owner: Database, operator: AuditCaller, request: DropEventsRequest): Promise<DroppedEvents>
  recordVerification(operator: AuditCaller, result: { ok: boolean; size: number }): Promise<void>
  /** Resumes releases after events were found missing. */
  resumeReleases(operator: AuditCaller): Promise<MissingNumbers[]>
  waiveRestore(operator: AuditCaller, reason: string): Promise<WaivedRestore>
  listLogKeys(): Promise<LogKeyReport[]>
}

/** Each command loads what it needs when it runs. */
export function createAuditCommands(deps: AuditCommandDeps): AuditCommands {
  const { database, newAuditEvent, now, settlements, writeAuditEvent } = deps
  const reviews = () => import('./review/review-log.ts')
  return {
    async listAuditEvents(operator, filter) {
      const { readEvents } = await import('./reading/read-events.ts')
      const { events } = await readEvents(deps, filter, Number.POSITIVE_INFINITY)
      await writeAuditEvent(
        newAuditEvent({ type: 'audit.read', outcome: 'success', caller: operator, count: events.length }),
      )
      return events
    },
    async deliverLog(operator, delivery) {
      const { deliverLog } = await import('./delivery/deliver-log.ts')
      return deliverLog(deps, operator, delivery)
    },
    reviewLog: async (operator, review) => (await reviews()).reviewLog(deps, operator, review),
    acknowledgeFinding: async (operator, review) => (await reviews()).acknowledgeFinding(deps, operator, review),
    async recordFailedCommand(operator, failure) {
      const { recordFailedCommand } = await import('./failed-command.ts')
      return recordFailedCommand(deps, deps.failures, operator, failure)
    },
    async dropEvents(owner, operator, request) {
      const { dropEvents } = await import('./retention/drop-events.ts')
      return dropEvents({ database: owner, newAuditEvent, now, settlements }, operator, request)
    },
    recordVerification: (operator, { ok, size }) =>
      writeAuditEvent(
        newAuditEvent({
          type: 'audit.read',
          outcome: ok ? 'success' : 'failed',
          caller: operator,
          subject: 'verify',
          count: size,
        }),
      ),
    async resumeReleases(operator) {
      const { resumeReleases } = await import('./release-gate/resume-releases.ts')
      return resumeReleases(deps, operator)
    },
    async waiveRestore(operator, reason) {
      const { waiveRestore } = await import('./waive-restore.ts')
      return waiveRestore(deps, operator, reason)
    },
    async listLogKeys() {
      const { listLogKeys } = await import('./log/log-keys.ts')
      return listLogKeys(database, deps.signingKeys(), deps.origin)
    },
  }
}
