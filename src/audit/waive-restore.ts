import type { Transaction } from '../database/database.ts'
import type { AuditCaller, NewAuditEvent } from './event/audit-event.ts'
import type { NewerRegistry } from './witness/newer-registry.ts'
import { type Settlements, settle } from './witness/settlements.ts'
import type { OutsideWatch } from './witness/watch-outside.ts'

/** What an operator has answered for. */
export interface WaivedRestore {
  /** How many checkpoints outside the log does not contain; 0 when nothing was closed, and then nothing is written. */
  waived: number
  /** How many of them are lines of the ledger of erasures, whose records may be back. */
  erasures: number
  /** The size of the largest of them; null if there was none. */
  size: number | null
  /** The generation of the registry of keys that is known outside; undefined when the one in the database is not older. */
  generation?: number | undefined
  /** The event that says so. */
  event: string | null
}

export interface WaiveRestoreDeps {
  newAuditEvent: NewAuditEvent
  outside: Pick<OutsideWatch, 'look'>
  settlements: Settlements
  registryAge: {
    newer(): NewerRegistry | undefined
    /** A transaction after which the registry is the newest that is known. */
    outgrow<T>(operator: AuditCaller, work: (tx: Transaction) => Promise<T>): Promise<T>
  }
}

/**
 * Opens the vault for reads although the database is older than what was signed. What the lost part of the log has taken away
 * stays as the backup has it; the event names the operator and the reason.
 *
 * @throws {Problem} audit-unavailable, database-unavailable
 */
export async function waiveRestore(
  { newAuditEvent, outside, settlements, registryAge }: WaiveRestoreDeps,
  operator: AuditCaller,
  reason: string,
): Promise<WaivedRestore> {
  // Perhaps no start has compared the database yet.
  await outside.look()
  const generation = registryAge.newer()?.generation
  return registryAge.outgrow(operator, async (tx) => {
    const open = await settlements.selectOpen(tx)
    const size = open[0]?.size ?? null
    const erasures = open.filter((one) => one.size === 0).length
    if (size === null && generation === undefined) return { waived: 0, erasures, size, generation, event: null }
    const event = await settle(tx, open, (checkpoints) =>
      newAuditEvent({
        type: 'restore.waive',
        outcome: 'success',
        caller: operator,
        subject: subjectOf(size, generation),
        checkpoints: open.length === 0 ? undefined : checkpoints,
        count: open.length,
        note: reason,
      }),
    )
    return { waived: open.length, erasures, size, generation, event: event.id }
  })
}

function subjectOf(size: number | null, generation: number | undefined): string {
  if (size === null) return `key-registry:${generation}`
  return size === 0 ? 'erasure-ledger' : `checkpoint:${size}`
}
