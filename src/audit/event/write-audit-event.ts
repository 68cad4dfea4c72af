import { createBatch } from '../../database/batch.ts'
import type { Database } from '../../database/database.ts'
import type { AuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'

/**
 * Commits an event that is part of no change: a refusal, a log-in, a read of the log. Events that arrive together share
 * a statement. Events of changes are written in the statement of the change.
 *
 * @throws {Problem} audit-unavailable, busy; then no other answer may be given
 */
export type WriteAuditEvent = (event: AuditEvent) => Promise<void>

export function createWriteAuditEvent(database: Database): WriteAuditEvent {
  return createBatch({
    run: async (events: readonly AuditEvent[]) => {
      await insertEvents(database, events)
      return events.map(() => undefined)
    },
  })
}
