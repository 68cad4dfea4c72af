import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database } from '../../database/database.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { suspendedSubject } from '../ledger/ledger-subject.ts'
import type { ProbeLimit } from '../limits/probe-limit.ts'
import { endSuspension, selectSuspended } from '../limits/suspension-store.ts'
import { staffId } from '../policy/person.ts'
import { CallerError } from './clients.ts'

/**
 * Lets a caller in again that was suspended, from its next request on, or that is held back because it asked for too
 * much that does not exist, within seconds. Its counts begin again.
 *
 * @throws {CallerError} for a caller that is neither
 * @throws {Problem} sealed, because giving access needs the keys
 */
export async function reinstateCaller(
  deps: { database: Database; ledger: AccessLedger; newAuditEvent: NewAuditEvent; probes: ProbeLimit },
  operator: AuditCaller,
  given: string,
): Promise<void> {
  const caller = staffId(given)
  await deps.database.transaction(async (tx) => {
    const written = (await selectSuspended(tx)).map((one) => one.caller).filter((one) => staffId(one) === caller)
    const lifted = [await endSuspension(tx, [...written, caller]), await deps.probes.lift(tx, caller)]
    await deps.ledger.record(tx, (state) => {
      lifted.push(state.has(suspendedSubject(caller)))
      return [{ subject: suspendedSubject(caller), state: null }]
    })
    if (!lifted.includes(true)) throw new CallerError('this caller is neither suspended nor held back')
    const event = { type: 'caller.lift', outcome: 'success', caller: operator, subject: caller } as const
    await insertEvents(tx, [deps.newAuditEvent(event)])
  })
}
