import type { AuditCaller, NewAuditEvent } from '../audit/audit-event.ts'
import { insertEvents } from '../audit/audit-store.ts'
import type { Database } from '../database/database.ts'
import { liftSuspension } from './budget-store.ts'
import { CallerError } from './clients.ts'

/**
 * Lets a suspended caller in again from its next request on, and begins its counts anew.
 *
 * @throws {CallerError} for a caller that is not suspended
 */
export async function liftCaller(
  deps: { database: Database; newAuditEvent: NewAuditEvent },
  operator: AuditCaller,
  caller: string,
): Promise<void> {
  await deps.database.transaction(async (tx) => {
    if (!(await liftSuspension(tx, caller))) throw new CallerError('there is no such suspended caller')
    const event = { type: 'caller.lift', outcome: 'success', caller: operator, subject: caller } as const
    await insertEvents(tx, [deps.newAuditEvent(event)])
  })
}
