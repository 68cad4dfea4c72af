import type { Database } from '../database/database.ts'
import type { AuditCaller, NewAuditEvent } from './audit-event.ts'
import { type Settlements, settle } from './witness/settlements.ts'
import type { OutsideWatch } from './witness/watch-outside.ts'

/** What an operator has answered for. */
export interface WaivedRestore {
  /** How many checkpoints outside the log does not contain; 0 when nothing was closed, and then nothing is written. */
  waived: number
  /** The size of the largest of them; null when there was none. */
  size: number | null
  /** The event that says so. */
  event: string | null
}

/**
 * Opens the vault for reads although the database is older than what was signed. What the lost part of the log has taken away
 * stays as the backup has it; the event names the operator and the reason.
 *
 * @throws {Problem} audit-unavailable, database-unavailable
 */
export async function waiveRestore(
  deps: {
    database: Database
    newAuditEvent: NewAuditEvent
    outside: Pick<OutsideWatch, 'look'>
    settlements: Settlements
  },
  operator: AuditCaller,
  reason: string,
): Promise<WaivedRestore> {
  // There may have been no start yet that looked.
  await deps.outside.look()
  return deps.database.transaction(async (tx) => {
    const open = await deps.settlements.selectOpen(tx)
    const [largest] = open
    if (largest === undefined) return { waived: 0, size: null, event: null }
    const event = await settle(tx, open, (checkpoints) =>
      deps.newAuditEvent({
        type: 'restore.waive',
        outcome: 'success',
        caller: operator,
        subject: `checkpoint:${largest.size}`,
        checkpoints,
        count: open.length,
        note: reason,
      }),
    )
    return { waived: open.length, size: largest.size, event: event.id }
  })
}
