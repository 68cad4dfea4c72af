import type { AuditCaller, NewAuditEvent } from '../audit/audit-event.ts'
import { insertEvents } from '../audit/audit-store.ts'
import type { Database } from '../database/database.ts'
import { liftSuspension, selectSuspended } from './budget-store.ts'
import { CallerError } from './clients.ts'
import { staffId } from './person.ts'

/**
 * Lets a suspended caller in again from its next request on, and begins its counts anew.
 *
 * @throws {CallerError} for a caller that is not suspended
 */
export async function liftCaller(
  deps: { database: Database; newAuditEvent: NewAuditEvent },
  operator: AuditCaller,
  given: string,
): Promise<void> {
  const caller = staffId(given)
  await deps.database.transaction(async (tx) => {
    const written = (await selectSuspended(tx)).map((one) => one.caller).filter((one) => staffId(one) === caller)
    if (!(await liftSuspension(tx, written))) throw new CallerError('there is no such suspended caller')
    const event = { type: 'caller.lift', outcome: 'success', caller: operator, subject: caller } as const
    await insertEvents(tx, [deps.newAuditEvent(event)])
  })
}
