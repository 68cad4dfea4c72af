import type { Alert, AlertFacts } from '../alert.ts'
import type { Background } from '../background.ts'
import type { Database, Queryable } from '../database/database.ts'
import type { AuditCaller, AuditEventType, NewAuditEvent } from './audit-event.ts'
import { type EventPage, selectEvents } from './audit-store.ts'
import type { VaultMark } from './checkpoint.ts'
import { deliverLog, type LogDelivery } from './delivery/deliver-log.ts'
import { keepLog } from './keep-log.ts'
import { hasSignedLast, listLogKeys } from './log-keys.ts'
import { preparePartitions } from './log-store.ts'
import { watchOutage } from './outage.ts'
import type { RecordEvent } from './record-event.ts'
import { reviewLog } from './review/review-log.ts'
import type { LogKey } from './sequencer.ts'
import { shipCheckpoints } from './witness/ship-checkpoints.ts'
import type { Shipping } from './witness/witnesses-file.ts'

interface AuditLogDeps {
  database: Database
  newAuditEvent: NewAuditEvent
  recordEvent: RecordEvent
  now: () => Date
  alert: Alert
  background: Background
  keys: {
    readonly isSealed: boolean
    readonly verified: VaultMark
    readonly ring: { all(purpose: 'audit-signing'): readonly LogKey[] }
    ensureFresh(): Promise<void>
    active(purpose: 'audit-signing'): LogKey
  }
}

interface AuditLogOptions {
  /** Whether this process puts events into the log, if no other does. */
  isKeptHere: boolean
  origin: string
  /** Where checkpoints go, from where the log is kept. */
  shipping: Shipping | undefined
  observeWaiting: (seconds: number) => void
  log: (facts: AlertFacts, message: string) => void
}

const VAULT: AuditCaller = { id: 'strongroom', kind: 'vault' }

/**
 * The audit log of one vault: its commands, and the server's part in keeping it. That the log starts and stops is an event
 * (PCI DSS 10.2.1.6).
 *
 * @throws {Problem} audit-unavailable, database-unavailable: a log that cannot be written does not start
 */
export async function createAuditLog(deps: AuditLogDeps, { isKeptHere, shipping, ...options }: AuditLogOptions) {
  const { background, database, newAuditEvent, recordEvent, keys } = deps
  const signing = {
    async active() {
      await keys.ensureFresh()
      return keys.active('audit-signing')
    },
    all: () => keys.ring.all('audit-signing'),
    mark() {
      const { vault, generation } = keys.verified
      return { vault, generation }
    },
  }
  /** A vault that is sealed does not know which one it is. */
  const record = (type: AuditEventType) => {
    const subject = keys.isSealed ? undefined : keys.verified.vault
    return recordEvent(newAuditEvent({ type, outcome: 'success', caller: VAULT, subject }))
  }
  const outage = watchOutage({ ...deps, caller: VAULT })
  if (isKeptHere) {
    // After a long stop the month has no partition yet, and this would be an event of it.
    await preparePartitions(database).catch((error) => background.failed('prepare-audit-partitions', error))
    await record('audit.start')
  }
  const keeper = isKeptHere ? keepLog({ ...deps, ...options, keys: signing, isReady: () => !keys.isSealed }) : undefined
  const shipper = isKeptHere && shipping ? shipCheckpoints({ ...deps, ...options }, shipping) : undefined
  return {
    observe: outage.observe,
    requireWritable: outage.requireOver,
    /** Whether the key has signed the latest checkpoint. */
    hasSignedLast: async (db: Queryable, id: string) => {
      const key = signing.all().find((one) => one.id === id)
      return key !== undefined && hasSignedLast(db, key)
    },
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
    /** What was committed before still gets its place, and the last checkpoint is shipped. */
    async close() {
      await outage.stop()
      if (isKeptHere) await record('audit.stop').catch((error) => background.failed('sequence-audit-log', error))
      await keeper?.stop()
      await shipper?.stop()
    },
  }
}
