import type { Alert } from '../alert.ts'
import type { Database } from '../database/database.ts'
import type { AuditCaller, NewAuditEvent } from './audit-event.ts'
import { type EventPage, selectEvents } from './audit-store.ts'
import { deliverLog, type LogDelivery } from './deliver-log.ts'
import { keepLog } from './keep-log.ts'
import { listLogKeys } from './log-keys.ts'
import type { RecordEvent } from './record-event.ts'
import { reviewLog } from './review-log.ts'
import type { LogKey } from './sequencer.ts'

interface AuditLogDeps {
  database: Database
  newAuditEvent: NewAuditEvent
  recordEvent: RecordEvent
  now: () => Date
  alert: Alert
  keys: {
    readonly isSealed: boolean
    readonly ring: { all(purpose: 'audit-signing'): readonly LogKey[] }
    active(purpose: 'audit-signing'): LogKey
  }
}

interface AuditLogOptions {
  /** Whether this process puts events into the log, if no other does. */
  isKeptHere: boolean
  origin: string
  observeWaiting: (seconds: number) => void
  onError: (error: unknown) => void
}

/** The audit log of one vault: its commands, and the server's part in keeping it. */
export function createAuditLog(deps: AuditLogDeps, { isKeptHere, ...options }: AuditLogOptions) {
  const { database, newAuditEvent, recordEvent, keys } = deps
  const signing = { active: () => keys.active('audit-signing'), all: () => keys.ring.all('audit-signing') }
  const keeper = isKeptHere
    ? keepLog({ ...deps, ...options, keys: signing, isReady: () => !keys.isSealed, onCheckpoint: () => {} })
    : undefined
  return {
    commands: {
      listAuditEvents: async (operator: AuditCaller, filter: EventPage) => {
        const events = await selectEvents(database, filter)
        await recordEvent(
          newAuditEvent({ type: 'audit.read', outcome: 'success', caller: operator, count: events.length }),
        )
        return events
      },
      deliverLog: (operator: AuditCaller, delivery: LogDelivery) => deliverLog(deps, operator, delivery),
      reviewLog: (operator: AuditCaller, review: { since: Date; timeZone: string }) =>
        reviewLog(deps, operator, review),
      listLogKeys: () => listLogKeys(database, signing.all(), options.origin),
    },
    close: async () => keeper?.stop(),
  }
}
