import { createBatch } from '../../database/batch.ts'
import type { Database } from '../../database/database.ts'
import type { AuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'

/**
 * Commits an event that stands by itself: a refusal, a log-in, a look at the log. Those that arrive together share a
 * statement. Events of changes are written in the statement of the change instead.
 *
 * @throws {Problem} audit-unavailable, busy; then nothing may be answered but that
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
