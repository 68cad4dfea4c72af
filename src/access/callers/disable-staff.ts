import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database } from '../../database/database.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { insertTakeaway } from '../ledger/insert-takeaway.ts'
import { disabledSubject, REFUSED } from '../ledger/ledger-subject.ts'
import { deleteDisabledStaff, insertDisabledStaff } from '../ledger/staff-store.ts'
import { staffId } from '../policy/person.ts'
import { CallerError } from './clients.ts'

export interface DisableStaffDeps {
  database: Database
  ledger: AccessLedger
  newAuditEvent: NewAuditEvent
  now: () => Date
}

/**
 * `staff:` and a name, or an identity provider's name and the id there, as audit events show it: at most 32 and 255
 * characters with a slash between them.
 */
const STAFF_ID = /^staff:.{1,288}$/

/**
 * Refuses a member of staff from the next request on, on every server, whichever issuer signed their tokens (PCI DSS
 * 8.2.5). Their id may be written in any case and width.
 *
 * @returns the id that is stored
 * @throws {CallerError} for a text that is not an id of staff
 */
export async function disableStaff(deps: DisableStaffDeps, operator: AuditCaller, given: string): Promise<string> {
  const id = staffId(given)
  if (!STAFF_ID.test(id))
    throw new CallerError('the id of a member of staff begins with "staff:"; audit events show it')
  await deps.database.transaction(async (tx) => {
    const isNews = await insertDisabledStaff(tx, id, deps.now())
    await deps.ledger.recordOrLeave(tx, [{ subject: disabledSubject(id), state: REFUSED }])
    const facts = { type: 'staff.disable', outcome: 'success', caller: operator, subject: id } as const
    await insertTakeaway(tx, deps.newAuditEvent(facts), { isNews })
  })
  return id
}

/**
 * Lets a member of staff in again, under every spelling that is disabled.
 *
 * @returns the id as it is stored
 * @throws {CallerError} when they are not disabled
 * @throws {Problem} sealed, because giving access needs the keys
 */
export async function enableStaff(deps: DisableStaffDeps, operator: AuditCaller, given: string): Promise<string> {
  const id = staffId(given)
  await deps.database.transaction(async (tx) => {
    const wasThere = await deleteDisabledStaff(tx, id)
    let wasRecorded = false
    await deps.ledger.record(tx, (state) => {
      wasRecorded = state.has(disabledSubject(id))
      return [{ subject: disabledSubject(id), state: null }]
    })
    if (!wasThere && !wasRecorded) throw new CallerError('no person with that id is disabled')
    const facts = { type: 'staff.enable', outcome: 'success', caller: operator, subject: id } as const
    await insertEvents(tx, [deps.newAuditEvent(facts)])
  })
  return id
}
