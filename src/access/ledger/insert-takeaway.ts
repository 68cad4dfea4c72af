import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Transaction } from '../../database/database.ts'
import { CallerError } from './caller-error.ts'

/**
 * Writes the event of something that takes access away, in its transaction. Without keys only the state vouches for the
 * event, and each state vouches for one event. So access that was taken away before is not taken away again.
 *
 * @throws {CallerError}
 */
export async function insertTakeaway(
  tx: Transaction,
  event: AuditEvent,
  { isNews }: { isNews: boolean },
): Promise<void> {
  if (!isNews && event.book?.isSealed) throw new CallerError('that was done before: there is nothing to take away.')
  await insertEvents(tx, [event])
}
